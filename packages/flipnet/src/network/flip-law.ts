/** The law of a sample that differs from another in one Bernoulli unit. */
import { type Backend, immediate, type Matrix, type Outcome } from "../backend/backend.ts";
import type { Law } from "./laws.ts";

/** A law that flips one unit, and which it may flip. */
export interface FlipLaw extends Law {
  /** [B, J] 1 where a unit may be flipped, that is where one of its outcomes is rarer than the threshold; after a draw. */
  readonly among: Matrix;
  /** [B, 1] how many these are. */
  readonly count: Matrix;
}

/**
 * The outcome's bits into `flipped` [B, J], but for one unit of every row, which did the other thing: each of those with
 * `min(p, q) < threshold` alike; none where there is none of those. The uniforms are [B, 1].
 */
export function flipOne(backend: Backend, outcome: Outcome, flipped: Matrix, threshold: number): FlipLaw {
  const { p, q, bits } = outcome;
  const { rows, columns: units } = p;
  const [among, count] = [backend.matrix(rows, units), backend.matrix(rows, 1)];
  const numbers = () => new Float64Array(rows * units);
  const [on, off, found, may] = [numbers(), numbers(), numbers(), numbers()];
  const counts = new Float64Array(rows);
  const given = new Float64Array(rows);

  /** Flips, in each row, the unit of this number among those that may be. */
  function flip(numberOf: (row: number, count: number) => number): void {
    const now = immediate(backend);
    now.readNow(p, on);
    now.readNow(q, off);
    now.readNow(bits, found);
    for (let row = 0; row < rows; row++) {
      const start = row * units;
      counts[row] = 0;
      for (let e = start; e < start + units; e++) {
        may[e] = Math.min(on[e], off[e]) < threshold ? 1 : 0;
        counts[row] += may[e];
      }
      let left = numberOf(row, counts[row]);
      for (let e = start; e < start + units && left >= 0; e++) {
        if (may[e] === 1 && left-- === 0) found[e] = 1 - found[e];
      }
    }
    backend.write(flipped, found);
    backend.write(among, may);
    backend.write(count, counts);
  }

  return {
    rows,
    columns: 1,
    among,
    count,
    fromUniforms(uniforms) {
      immediate(backend).readNow(uniforms, given);
      flip((row, count) => Math.floor(given[row] * count));
    },
    enumerate(toss) {
      const { outcomes, probability } = toss("the unit that is flipped", 1, units);
      flip((row, count) => {
        const number = outcomes[row];
        probability[row] = number < Math.max(1, count) ? 1 / Math.max(1, count) : 0;
        return number;
      });
    },
  };
}
