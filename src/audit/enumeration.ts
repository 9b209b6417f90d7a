/** Draws that go through everything that can happen, each time with its probability. */
import type { ImmediateBackend, Outcome } from "../backend/backend.ts";
import type { Draws, Site } from "../network/draws.ts";

/**
 * A state is a number in a mixed radix: each digit says how one thing came out, a unit of one site, or what the
 * caller adds (the context, the reward). A batch holds one state a row, and each row's weight is multiplied by the
 * probability of what its digits say.
 *
 * Digits are handed out when they are first asked for, the earliest being the fastest to change, so a later one
 * leaves the meaning of the earlier ones as it was. One dry run on a batch of one (state 0) finds all the sites of
 * an estimator, whatever passes it makes; a law for several branches at once (an antithetic pair) is another method
 * like `sample`, with one digit for the outcomes of the pair.
 */
export class EnumeratedDraws implements Draws {
  readonly #backend: ImmediateBackend;
  readonly #radices: number[] = [];
  readonly #strides: number[] = [];
  readonly #sites = new Map<string, number>();
  #first = 0;
  #weights = new Float64Array([1]);

  constructor(backend: ImmediateBackend) {
    this.#backend = backend;
  }

  /** Number of states. */
  get states(): number {
    return this.#radices.reduce((product, radix) => product * radix, 1);
  }

  /** [B] probability of each row's outcomes, given what is not drawn here; 0 in rows beyond the last state. */
  get weights(): Float64Array {
    return this.#weights;
  }

  /** Adds a digit that takes the values 0 to `radix - 1`; returns its place. */
  addDigit(radix: number): number {
    this.#strides.push(this.states);
    return this.#radices.push(radix) - 1;
  }

  /** What the digit at `place` says in row `row`. */
  digit(row: number, place: number): number {
    return Math.floor((this.#first + row) / this.#strides[place]) % this.#radices[place];
  }

  /** From now on row `b` of a batch of `rows` is state `first + b`. */
  start(first: number, rows: number): void {
    const { states } = this;
    this.#first = first;
    this.#weights = Float64Array.from({ length: rows }, (_, row) => (first + row < states ? 1 : 0));
  }

  sample({ layer, branch }: Site, outcome: Outcome): void {
    const { units, choices, width } = layer;
    const name = `${layer.index} ${branch}`;
    let place = this.#sites.get(name);
    if (place === undefined) {
      place = this.#radices.length;
      for (let unit = 0; unit < units; unit++) this.addDigit(Math.max(2, choices));
      this.#sites.set(name, place);
    }
    const p = this.#backend.readNow(outcome.p);
    // Not 1 - p: rare outcomes must keep their relative accuracy, for their credit may be as large as they are rare.
    const q = this.#backend.readNow(outcome.q);
    const bits = new Float64Array(p.length);
    for (let row = 0; row < outcome.bits.rows; row++) {
      for (let unit = 0; unit < units; unit++) {
        const digit = this.digit(row, place + unit);
        const e = row * width + unit * choices;
        if (layer.kind === "bernoulli") {
          bits[e] = digit;
          this.#weights[row] *= digit === 1 ? p[e] : q[e];
        } else {
          bits[e + digit] = 1;
          this.#weights[row] *= p[e + digit];
        }
      }
    }
    this.#backend.write(outcome.bits, bits);
  }
}
