/**
 * The reward of one action: a single component that reads the output layer. Nobody knows its function, and the caller
 * fills in what was earned between sampling and learning; or it is known what every action would earn.
 */
import type { Backend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Component, Objective } from "./objective.ts";

/** The objective whose only component is `reward` [B, 1], which the caller fills; `name` tells several apart. */
export function rewardObjective(reward: Matrix, { name = "reward" }: { name?: string } = {}): Objective {
  return {
    linears: [],
    prepare({ network }) {
      const output = network.layers.length - 1;
      return {
        components: [{ name, reads: [output], value: reward, observed: true, evaluate() {} }],
        addDirectGradient() {},
        credits: [],
        differentiate() {},
      };
    },
  };
}

/**
 * A reward whose function is known: what every action would earn on each example, `rewards` [B, actions], filled in
 * before learning. The output is one unit, softmax or Bernoulli (two actions: off, on). Under f-HNCA it takes the exact
 * expectation over its actions (HNCA paper, end of section 1.1): the direct gradient `p q (on - off)` of the Weight
 * Maximization paper (equations 8 and 9), if it is Bernoulli.
 */
export function knownRewardObjective(rewards: Matrix): Objective {
  return {
    linears: [],
    prepare({ network: { backend, layers }, layers: activities, batchSize }) {
      const output = layers.length - 1;
      const { kind, units, choices } = layers[output];
      const actions = Math.max(2, choices);
      if (units !== 1) {
        throw new InputError(`the last layer has ${units} units; expected one, whose choice is the action`);
      }
      if (rewards.rows !== batchSize || rewards.columns !== actions) {
        throw new InputError(
          `the rewards are [${rewards.rows}, ${rewards.columns}]; expected [${batchSize}, ${actions}], one an action`,
        );
      }
      const { bits } = activities[output];
      const value = backend.matrix(batchSize, 1);
      const component =
        kind === "softmax" ? chosen(backend, bits, rewards, value) : switched(backend, bits, rewards, value);
      return {
        components: [{ name: "reward", reads: [output], value, ...component }],
        addDirectGradient() {},
        credits: [],
        differentiate() {},
      };
    },
  };
}

type KnownFunction = Required<Pick<Component, "evaluate" | "addDifferences" | "addSlopes">>;

/** The reward of a softmax unit's choice. */
function chosen(backend: Backend, bits: Matrix, rewards: Matrix, value: Matrix): KnownFunction {
  const less = backend.matrix(1, rewards.columns);
  backend.fill(less, -1);
  return {
    evaluate: () => backend.rowDots(bits, rewards, "real", value, false),
    addDifferences(_layer, out) {
      backend.addScaled(rewards, 1, out);
      backend.product(value, "real", less, out);
    },
    addSlopes: (_layer, out) => backend.addScaled(rewards, 1, out),
  };
}

/** The reward of a Bernoulli unit off, in the first column, or on. */
function switched(backend: Backend, bits: Matrix, rewards: Matrix, value: Matrix): KnownFunction {
  const [off, onLessOff] = [
    [1, 0],
    [-1, 1],
  ].map((column) => {
    const weights = backend.matrix(2, 1);
    backend.write(weights, column);
    return weights;
  });
  const difference = backend.matrix(bits.rows, 1);
  return {
    evaluate() {
      backend.fill(difference, 0);
      backend.product(rewards, "real", onLessOff, difference);
      backend.fill(value, 0);
      backend.product(rewards, "real", off, value);
      backend.multiplyAdd(bits, difference, value);
    },
    addDifferences: (_layer, out) => backend.addScaled(difference, 1, out),
    addSlopes: (_layer, out) => backend.addScaled(difference, 1, out),
  };
}
