/** What if one unit had done something else? Found out by trying: one evaluation for every other outcome of every unit. */
import { type Backend, immediate, type Matrix } from "../backend/backend.ts";
import { chosenAt } from "../network/choice-laws.ts";
import type { Layer } from "../network/network.ts";
import { computeLaw, type Pass } from "../network/pass.ts";

/** Numbers that the host finds, to be added to a matrix. */
export interface Addition {
  /** [rows, columns] row by row. */
  readonly numbers: Float64Array;
  addTo(out: Matrix): void;
}

/** Room for additions to matrices of `rows`, by their columns; allocated on first use. */
export function prepareAdditions(backend: Backend, rows: number): (columns: number) => Addition {
  const additions = new Map<number, Addition>();
  return (columns) => {
    let found = additions.get(columns);
    if (found === undefined) {
      const numbers = new Float64Array(rows * columns);
      const matrix = backend.matrix(rows, columns);
      found = {
        numbers,
        addTo(out) {
          backend.write(matrix, numbers);
          backend.addScaled(matrix, 1, out);
        },
      };
      additions.set(columns, found);
    }
    return found;
  };
}

/**
 * What each unit of a layer is worth to a function, [B, width] as in `Component.addDifferences`: of a Bernoulli unit
 * on less off, of a softmax unit each choice less the one made.
 *
 * @param bits [B, width] what the layer did; changed while the function is tried, and put back
 * @param before [B] the function's values as it is
 * @param after the function's values with `bits` as they stand, [B]
 */
export function whatIf(
  { units, choices, width }: Layer,
  bits: Float64Array,
  before: Float64Array,
  after: () => Float64Array,
  out: Float64Array,
): void {
  out.fill(0);
  const outcomes = Math.max(2, choices);
  for (let unit = 0; unit < units; unit++) {
    for (let step = 1; step < outcomes; step++) {
      for (let e = unit * choices; e < bits.length; e += width) change(bits, e, choices, step);
      const values = after();
      for (let b = 0, e = unit * choices; e < bits.length; b++, e += width) {
        const difference = values[b] - before[b];
        if (choices === 1) out[e] = bits[e] === 1 ? difference : -difference;
        else out[e + chosenAt(bits, e, choices)] = difference;
        change(bits, e, choices, outcomes - step);
      }
    }
  }
}

/** Flips a Bernoulli unit; moves a softmax unit on by `step` choices. */
function change(bits: Float64Array, start: number, choices: number, step: number): void {
  const chosen = choices === 1 ? 0 : chosenAt(bits, start, choices);
  bits[start + chosen] = choices === 1 ? 1 - bits[start] : 0;
  if (choices > 1) bits[start + ((chosen + step) % choices)] = 1;
}

/**
 * The same for a function of a pass: `tryUnits(layer, f, out)` gives what each unit of `layer` is worth to `f`, which
 * returns its values [B], all other units having done what they did and the laws of the layer's children being what
 * follows. The pass is put back, and `f` called on it once more.
 */
export function prepareTries(pass: Pass): (layer: Layer, f: () => Float64Array, out: Float64Array) => void {
  const backend = immediate(pass.network.backend);
  const numbers = (m: Matrix) => new Float64Array(m.rows * m.columns);
  const did = pass.layers.map(({ bits }) => numbers(bits));
  const before = new Float64Array(pass.batchSize);
  return (layer, f, out) => {
    const { bits } = pass.layers[layer.index];
    const now = backend.readNow(bits, did[layer.index]);
    before.set(f());
    const change = () => {
      backend.write(bits, now);
      for (const { layer: child } of layer.children) computeLaw(pass, child);
      return f();
    };
    whatIf(layer, now, before, change, out);
    change();
  };
}
