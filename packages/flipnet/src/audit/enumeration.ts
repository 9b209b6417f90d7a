/** Draws that go through everything that can happen, each time with its probability. */
import type { Site } from "../network/draws.ts";
import type { Law, Toss as LawToss } from "../network/laws.ts";
import { type Key, uniformAt } from "../random/threefry.ts";
import type { AuditDraws } from "./subject.ts";

/** One thing that is drawn: the units of a layer in one pass, the context, a reward. */
export class Toss implements LawToss {
  readonly name: string;
  readonly units: number;
  /** Ways in which a unit can come out. */
  readonly sides: number;
  /** [B, units] how each came out, 0 to `sides - 1`. */
  outcomes = new Int32Array();
  /** [B] the probability of that, given what was drawn before; whoever tosses says what it is. */
  probability = new Float64Array();
  /** States between two of the first unit's outcomes; 0 where the toss is not enumerated but left to chance. */
  stride = 0;
  /** What chance depends on: another key, other outcomes. */
  key: Key;
  /** The step it was last drawn in. */
  step = 0;

  constructor(name: string, units: number, sides: number, key: Key) {
    this.name = name;
    this.units = units;
    this.sides = sides;
    this.key = key;
  }

  /** Number of ways in which all units can come out. */
  get states(): number {
    return this.sides ** this.units;
  }
}

/**
 * A state is a number in a mixed radix: each digit says how one unit of one toss came out. A batch holds one state a
 * row, whose weight is the product of its tosses' probabilities.
 *
 * Tosses are found when they are first asked for, the earliest being the fastest to change: one dry run on a batch of
 * one finds all the tosses of an estimator, whatever passes it makes. From then on all of them are enumerated, or
 * those that are selected; the others are left to chance, and have no part in the weights.
 */
export class EnumeratedDraws implements AuditDraws {
  readonly #tosses = new Map<string, Toss>();
  #states = 1;
  #first = 0;
  #rows = 1;
  #step = 1;

  /** Number of states. */
  get states(): number {
    return this.#states;
  }

  /** All that were found so far. */
  get tosses(): readonly Toss[] {
    return [...this.#tosses.values()];
  }

  /** Enumerates these tosses and no others. */
  select(selected: Iterable<Toss>): void {
    for (const toss of this.tosses) toss.stride = 0;
    this.#states = 1;
    for (const toss of selected) this.#enumerate(toss);
  }

  #enumerate(toss: Toss): void {
    toss.stride = this.#states;
    this.#states *= toss.states;
  }

  /** From now on row `b` of a batch of `rows` is state `first + b`. */
  start(first: number, rows: number): void {
    this.#first = first;
    this.#rows = rows;
    this.#step++;
  }

  /** [B] probability of each row's state; 0 in rows beyond the last one. */
  get weights(): Float64Array {
    const weights = Float64Array.from({ length: this.#rows }, (_, row) =>
      this.#first + row < this.#states ? 1 : 0,
    );
    for (const { stride, probability } of this.tosses) {
      if (stride > 0) for (let row = 0; row < this.#rows; row++) weights[row] *= probability[row];
    }
    return weights;
  }

  /** Tosses `units` things of `sides` sides each; equally likely ones unless the caller corrects the probability. */
  toss(name: string, units: number, sides: number): Toss {
    let toss = this.#tosses.get(name);
    if (toss === undefined) {
      toss = new Toss(name, units, sides, { k0: this.#tosses.size, k1: 0 });
      this.#tosses.set(name, toss);
      this.#enumerate(toss);
    }
    if (toss.step === this.#step) throw new Error(`${name} is drawn twice in one step`);
    toss.step = this.#step;
    const { stride, key } = toss;
    toss.probability = new Float64Array(this.#rows).fill(1 / toss.states);
    toss.outcomes = new Int32Array(this.#rows * units);
    for (let unit = 0, step = stride; unit < units; unit++, step *= sides) {
      for (let row = 0; row < this.#rows; row++) {
        const e = row * units + unit;
        const state = this.#first + row;
        toss.outcomes[e] =
          (stride > 0 ? Math.floor(state / step) : Math.floor(uniformAt(key, e) * sides)) % sides;
      }
    }
    return toss;
  }

  choose(name: string, sides: number, laws?: readonly (readonly number[])[]): Int32Array {
    const { outcomes, probability } = this.toss(name, 1, sides);
    laws?.forEach((law, row) => {
      probability[row] = law[outcomes[row]] ?? 0;
    });
    return outcomes;
  }

  /** @throws NotEnumerable where the law has no end of outcomes */
  draw(site: Site, law: Law): void {
    const name = nameOf(site);
    if (law.enumerate === undefined) throw new NotEnumerable(`${name} has outcomes without end`);
    law.enumerate((part, units, sides) => this.toss(part === "" ? name : `${name}, ${part}`, units, sides));
  }
}

/** What is drawn cannot be gone through. */
export class NotEnumerable extends Error {}

const nameOf = ({ layer, branch, time }: Site): string =>
  `${layer.name} in pass ${branch}${time === 0 ? "" : ` at time ${time}`}`;
