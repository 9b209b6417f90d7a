/**
 * A warm start: an agent learns from what others decided, before it decides anything itself. At first it imitates them, so
 * that the weights `p~ / probability` of what follows are near 1 and seldom clipped; then it follows the gradient of what it
 * would earn itself.
 */
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import type { Agent } from "./agent.ts";
import type { LoggedDecision } from "./off-policy.ts";

/** How to learn from a log. */
export interface LearnFromLogOptions {
  /** How often to go through the log imitating; default 1. */
  imitation?: number;
  /** How often then to go through it learning from rewards; default 1. */
  epochs?: number;
  /** The largest weight of a decision; default the agent's `weightClip`. */
  weightClip?: number;
}

const optionNames: Names<LearnFromLogOptions> = { imitation: 1, epochs: 1, weightClip: 1 };

/**
 * Learns from decisions of others and what they earned, in their order. What is not clipped is unbiased for the gradient
 * of the agent's own policy, however the log came about. The agent remembers their ids: `flipnet evaluate` warns of a policy
 * that has learned from the log that it is to be evaluated on.
 *
 * @throws InputError for options or a decision that cannot be used
 */
export function learnFromLog(
  agent: Agent,
  decisions: readonly LoggedDecision[],
  options: LearnFromLogOptions = {},
): void {
  refuseUnknown("learnFromLog", optionNames, options);
  const { imitation = 1, epochs = 1, weightClip } = options;
  for (const [name, count] of Object.entries({ imitation, epochs })) {
    if (isWhole(count, 0)) continue;
    throw new InputError(`${name} is ${count}; expected a whole number from 0 on`);
  }
  for (let epoch = 0; epoch < imitation + epochs; epoch++) {
    for (const decision of decisions) {
      agent.learnLogged(decision, { imitate: epoch < imitation, ...(weightClip && { weightClip }) });
    }
  }
}
