/** Decisions that wait for their rewards, and what became of those that do not any more. */
import { InputError } from "../formats/errors.ts";
import type { Numbers } from "./player.ts";

/** What a decision is among. */
export interface Among {
  /** Numbers of the actions that may be chosen; default: all. */
  readonly allowed?: readonly number[] | undefined;
  /** For an agent with `actionInputs`: the features of each action that may be chosen, so many numbers each. */
  readonly actions?: readonly ArrayLike<number>[] | undefined;
}

/** What an agent decided. */
export interface Decision {
  readonly id: string;
  /** 0 to `actions - 1`: its number, or its place among those whose features were told. */
  readonly action: number;
  /** Of this action, given what the coins did: the propensity to be logged. */
  readonly probability: number;
  /** Under the probabilities. */
  readonly floor: number;
  /** Rewards that the agent had learned from by then: the version of its weights. */
  readonly version: number;
  /** The how-manieth thing that the agent did, from 1: it decides the draws. */
  readonly step: number;
}

/** A decision that waits. */
export interface Pending extends Decision {
  /** When it was made, in milliseconds. */
  readonly time: number;
  /** The actions it was one of; absent: all. */
  readonly allowed?: readonly number[];
  /** How many actions it was one of, where their features were told. */
  readonly rows?: number;
  /** See `Player.keep`. */
  readonly kept: Numbers;
  /** Whether a reward has come: where rewards add up, more may. */
  rewarded: boolean;
}

/** A decision on its way to an agent that is to learn from it. */
export type Handed = Omit<Pending, "time" | "step" | "rewarded">;

/** What became of a decision. */
export type Closed = "rewarded" | "expired" | "cancelled";

/** A reward, or a cancellation, of a decision that does not wait for one. */
export class DecisionError extends InputError {
  override name = "DecisionError";
  /** What is known of the decision. */
  readonly status: Closed | "unknown";

  constructor(id: string, status: Closed | "unknown") {
    super(
      status === "unknown"
        ? `no decision "${id}" is known; expected an id that decide() gave, and that was not closed long ago`
        : `the decision "${id}" ${status === "expired" ? "has expired" : `was ${status} already`}; expected one that waits for a reward`,
    );
    this.status = status;
  }
}

/** Decisions by id: those that wait, oldest first, and as many that waited last. */
export class Decisions<One extends { readonly id: string } = Pending> {
  readonly #most: number;
  readonly #pending = new Map<string, One>();
  /** All that wait, oldest first from a place on, and some that did: a map's oldest is slow to find. */
  #queue: (One | undefined)[] = [];
  #first = 0;
  readonly #closed = new Map<string, Closed>();
  /** Their ids, each in the place of the one that was closed `most` before. */
  readonly #ring: string[] = [];
  #turn = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** How many wait. */
  get size(): number {
    return this.#pending.size;
  }

  /** Whether one more has no room. */
  get full(): boolean {
    return this.#pending.size >= this.#most;
  }

  get oldest(): One | undefined {
    const queue = this.#queue;
    for (; this.#first < queue.length; this.#first++) {
      const one = queue[this.#first];
      if (one !== undefined && this.#pending.get(one.id) === one) return one;
      // What is over is not held on to.
      queue[this.#first] = undefined;
    }
    return undefined;
  }

  /** Throws `InputError` for an id that is none, or was given to another decision. */
  checkNew(id: string): void {
    if (typeof id !== "string" || id === "") {
      throw new InputError(
        `the id of a decision is ${JSON.stringify(id)}; expected a text that is not empty`,
      );
    }
    if (this.knows(id)) {
      throw new InputError(`there was a decision "${id}" already; expected an id of its own for each`);
    }
  }

  knows(id: string): boolean {
    return this.#pending.has(id) || this.#closed.has(id);
  }

  add(decision: One): void {
    this.#pending.set(decision.id, decision);
    this.#queue.push(decision);
    if (this.#queue.length > 2 * this.#pending.size + 64) {
      this.#queue = [...this.#pending.values()];
      this.#first = 0;
    }
  }

  /** @throws DecisionError where it does not wait */
  find(id: string): One {
    const found = this.#pending.get(id);
    if (found === undefined) throw new DecisionError(String(id), this.#closed.get(id) ?? "unknown");
    return found;
  }

  /** Hands one over that waits, as if it had never been here. @throws DecisionError where it does not wait */
  take(id: string): One {
    const found = this.find(id);
    this.#pending.delete(id);
    return found;
  }

  close({ id }: One, how: Closed): void {
    this.#pending.delete(id);
    this.remember(id, how);
  }

  /** Knows from now on that this became of a decision; of the last ones so many as may wait. */
  remember(id: string, how: Closed): void {
    const forgotten = this.#ring[this.#turn];
    if (forgotten !== undefined) this.#closed.delete(forgotten);
    this.#ring[this.#turn] = id;
    this.#turn = (this.#turn + 1) % this.#most;
    this.#closed.set(id, how);
  }

  /** Those that wait, oldest first. */
  get pending(): Iterable<One> {
    return this.#pending.values();
  }

  /** What became of others. */
  get closed(): Iterable<[string, Closed]> {
    return this.#closed;
  }

  /** Puts back what these two gave. */
  restore(pending: Iterable<One>, closed: Iterable<[string, Closed]> = []): void {
    for (const one of pending) this.add(one);
    for (const [id, how] of closed) this.remember(id, how);
  }
}
