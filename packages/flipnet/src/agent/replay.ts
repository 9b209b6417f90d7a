/** An agent from what it was some time ago and what happened since, wherever that was written down. */
import { InputError } from "../formats/errors.ts";
import type { Agent } from "./agent.ts";
import { type Among, type Decision, DecisionError } from "./decisions.ts";

/** A decision as it is written down. */
export interface DecisionEvent extends Decision, Among {
  readonly event: "decision";
  readonly time: number;
  /** Absent where it is not to be known. */
  readonly context?: ArrayLike<number>;
}

/** A reward as it is written down. */
export interface RewardEvent {
  readonly event: "reward";
  readonly id: string;
  readonly time: number;
  readonly value: number;
}

/** What happens to an agent. */
export type AgentEvent = DecisionEvent | RewardEvent;

/**
 * Brings an agent that was saved some time ago to where its events end: decides again what it decided since, and learns
 * from the rewards that it has not learned from, in their order. Draws are functions of the step, so this is the same agent,
 * bit for bit, on a backend of the same kind. All that it decided must be there, with contexts and the times that it went by, and it must
 * learn from first rewards.
 *
 * @returns how many decisions and rewards were made good
 * @throws InputError for events that are not this agent's
 */
export function replayEvents(
  agent: Agent,
  events: Iterable<AgentEvent>,
): { decisions: number; rewards: number } {
  const made = { decisions: 0, rewards: 0 };
  for (const event of events) {
    const { time: now } = event;
    if (event.event === "reward") {
      if (learns(agent, event)) made.rewards++;
      continue;
    }
    const { id, step, action, context, allowed, actions } = event;
    if (step <= agent.steps) continue;
    const again =
      step === agent.steps + 1 && context !== undefined
        ? agent.decide(context, { id, now, ...(allowed && { allowed }), ...(actions && { actions }) }).action
        : undefined;
    if (again !== action) {
      throw new InputError(
        `the decision ${id} is not this agent's next; expected all that it decided since it was saved`,
      );
    }
    made.decisions++;
  }
  return made;
}

/** Learns from a reward, unless that was learned from already. */
function learns(agent: Agent, { id, value, time: now }: RewardEvent): boolean {
  try {
    agent.reward(id, value, { now });
    return true;
  } catch (error) {
    if (error instanceof DecisionError) return false;
    throw error;
  }
}
