/**
 * A challenger in the shadow of the agent that decides: it sees every decision with its reward, is judged by what it would
 * have done, and only then learns from it. That is progressive validation (Blum, Kalai and Langford 1999), which is
 * honest although the challenger learns all the while: no version of it is judged by what that version has seen.
 */
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import type { Agent } from "./agent.ts";
import { checkLogged, type Estimate, type LoggedDecision } from "./off-policy.ts";

/** How a challenger takes part. */
export interface ChallengerOptions {
  /** Whether it learns from what it is judged by; default: yes. */
  learns?: boolean;
  /** Samples of its coins behind each probability; default 100. */
  samples?: number;
}

const optionNames: Names<ChallengerOptions> = { learns: 1, samples: 1 };

/** How they stand, a decision. The intervals are normal approximations. */
export interface ChallengerReport {
  readonly decisions: number;
  /** What the agent that decides has earned. */
  readonly earned: Estimate;
  /** What the challenger would have earned: the mean of `c + w (R - c)`, `w = pi(a | x) / probability`, `c` the mean of the rewards before. */
  readonly challenger: Estimate;
  /** The second less the first, from the same decisions. */
  readonly gain: Estimate;
}

/** A challenger and how it stands. */
export class Challenger {
  /** What it has become. */
  readonly agent: Agent;
  readonly #learns: boolean;
  readonly #samples: number;
  readonly #earned = new Mean();
  readonly #challenger = new Mean();
  readonly #gain = new Mean();

  /** Throws `InputError` for an option that there is not. */
  constructor(agent: Agent, options: ChallengerOptions = {}) {
    refuseUnknown("the challenger", optionNames, options);
    const { learns = true, samples = 100 } = options;
    this.agent = agent;
    this.#learns = learns;
    this.#samples = samples;
  }

  /**
   * Judges the challenger by a decision of the other agent's and what it earned, and lets it learn.
   *
   * @throws InputError for a decision that cannot be one of this agent's
   */
  observe(decision: LoggedDecision): void {
    const { context, allowed, actions, action, probability, reward } = decision;
    const { probabilities } = this.agent.probabilities(context, {
      samples: this.#samples,
      ...(allowed && { allowed }),
      ...(actions && { actions }),
    });
    checkLogged(decision);
    // What it refuses is not counted.
    if (this.#learns) this.agent.learnLogged(decision);
    const usual = this.#earned.value;
    const would = usual + (probabilities[action] / probability) * (reward - usual);
    this.#earned.add(reward);
    this.#challenger.add(would);
    this.#gain.add(would - reward);
  }

  /** How they stand. @throws InputError before there are two decisions */
  report(): ChallengerReport {
    const { count } = this.#earned;
    if (count < 2) throw new InputError(`the challenger has seen ${count} decisions; expected at least 2`);
    return {
      decisions: count,
      earned: this.#earned.estimate(),
      challenger: this.#challenger.estimate(),
      gain: this.#gain.estimate(),
    };
  }
}

/** A mean and its standard error, number by number (Welford 1962). */
class Mean {
  count = 0;
  value = 0;
  #squares = 0;

  add(x: number): void {
    const before = x - this.value;
    this.value += before / ++this.count;
    this.#squares += before * (x - this.value);
  }

  estimate(): Estimate {
    const error = Math.sqrt(this.#squares / (this.count - 1) / this.count);
    return { value: this.value, interval: [this.value - 1.96 * error, this.value + 1.96 * error] };
  }
}
