/**
 * The reward of one action: a single component that reads the output layer and whose function nobody knows. The
 * caller fills `reward` [B, 1] between sampling and learning.
 */
import type { Matrix } from "../backend/backend.ts";
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
