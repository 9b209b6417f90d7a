/** Draws that go through everything that can happen, each time with its probability. */
import type { ImmediateBackend, Matrix, Outcome } from "../backend/backend.ts";
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
    const place = this.#place(`${layer.index} ${branch}`, units, Math.max(2, choices));
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

  /**
   * With `a = min(p, q)`, the uniform lies below `a`, between, or above `1 - a`: one bit on, or both the same, or the
   * other on. What is linear in the uniform is integrated exactly, its square too, by two points of each stretch.
   */
  samplePair(site: Site, outcome: Outcome, second: Matrix, uniforms?: Matrix): void {
    const { layer, branch } = site;
    const nodes = uniforms === undefined ? [0.5] : gauss;
    const place = this.#place(`pair ${layer.index} ${branch}`, layer.units, 3 * nodes.length);
    const p = this.#backend.readNow(outcome.p);
    const q = this.#backend.readNow(outcome.q);
    const [one, other, u] = [
      new Float64Array(p.length),
      new Float64Array(p.length),
      new Float64Array(p.length),
    ];
    for (let row = 0; row < outcome.bits.rows; row++) {
      for (let unit = 0; unit < layer.units; unit++) {
        const e = row * layer.units + unit;
        const digit = this.digit(row, place + unit);
        const stretch = digit % 3;
        const small = Math.min(p[e], q[e]);
        const middle = Math.abs(p[e] - q[e]);
        const [start, length] = [
          [0, small],
          [small, middle],
          [1 - small, small],
        ][stretch];
        u[e] = start + length * nodes[Math.floor(digit / 3)];
        const same = p[e] > q[e] ? 1 : 0;
        one[e] = stretch === 1 ? same : stretch === 2 ? 1 : 0;
        other[e] = stretch === 1 ? same : stretch === 0 ? 1 : 0;
        this.#weights[row] *= length / nodes.length;
      }
    }
    this.#backend.write(outcome.bits, one);
    this.#backend.write(second, other);
    if (uniforms !== undefined) this.#backend.write(uniforms, u);
  }

  /** The first digit of a site, handed out when it is first asked for. */
  #place(site: string, units: number, radix: number): number {
    let place = this.#sites.get(site);
    if (place === undefined) {
      place = this.#radices.length;
      for (let unit = 0; unit < units; unit++) this.addDigit(radix);
      this.#sites.set(site, place);
    }
    return place;
  }
}

/** Places and equal weights of the two-point Gauss-Legendre rule on [0, 1]: exact for cubics. */
const gauss = [0.5 - Math.sqrt(1 / 12), 0.5 + Math.sqrt(1 / 12)];
