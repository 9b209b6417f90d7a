/**
 * The reward of one action: a single component that reads the output layer and whose function nobody knows. The
 * caller fills `reward` [B, 1] between sampling and learning.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Objective } from "./objective.ts";

/** The objective whose only component is `reward` [B, 1], which the caller fills. */
export function rewardObjective(reward: Matrix): Objective {
  return {
    linears: [],
    prepare({ network }) {
      const output = network.layers.length - 1;
      return {
        components: [{ name: "reward", reads: [output], value: reward, evaluate() {} }],
        addDirectGradient() {},
        credits: [],
        assign() {},
      };
    },
  };
}

/**
 * A reward whose function is known: what each of two actions earns on each example, `off` and `on` [B, 1], filled in
 * before learning. The output is one Bernoulli unit. On a network of one unit f-HNCA then is the direct gradient
 * `p q (on - off)` of the Weight Maximization paper (equations 8 and 9).
 */
export function knownRewardObjective(off: Matrix, on: Matrix): Objective {
  return {
    linears: [],
    prepare({ network: { backend, layers }, layers: activities }) {
      const output = layers.length - 1;
      if (layers[output].kind !== "bernoulli" || layers[output].units !== 1) {
        throw new InputError("a known reward is for a network whose output is one Bernoulli unit");
      }
      const difference = backend.matrix(off.rows, 1);
      const value = backend.matrix(off.rows, 1);
      return {
        components: [
          {
            name: "reward",
            reads: [output],
            value,
            evaluate() {
              backend.subtract(on, off, difference);
              backend.copy(off, value);
              backend.multiplyAdd(activities[output].bits, difference, value);
            },
            addDifferences(_layer, out) {
              backend.addScaled(on, 1, out);
              backend.addScaled(off, -1, out);
            },
          },
        ],
        addDirectGradient() {},
        credits: [],
        assign() {},
      };
    },
  };
}
