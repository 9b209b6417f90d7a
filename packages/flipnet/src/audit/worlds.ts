/**
 * Every way in which one pass can come out, a world each, with what an estimator credits every unit with there. The sum of
 * the credits, each times its world's probability, is the estimator's mean: an audit as a table.
 */
import type { Estimator } from "../estimators/estimator.ts";
import { InputError } from "../formats/errors.ts";
import { prepareRun } from "./run.ts";
import type { Subject } from "./subject.ts";

/** One way in which the main pass can come out. */
export interface World {
  /** [layer][unit] 0 off, 1 on; of softmax units a number for each choice. */
  bits: number[][];
  probability: number;
  /** [layer][logit] the mean credit: where an estimator draws more than its main pass, over all of that. */
  credit: number[][];
  /** [layer][logit] the variance of the credit about that mean; 0 where the main pass is all that is drawn. */
  spread: number[][];
}

/** An estimator with more states than this is not gone through. */
const mostStates = 2 ** 20;

/**
 * The worlds of a small network, in the order in which their bits count, the last unit's the fastest.
 *
 * @throws NotEnumerable where the estimator draws what has no end of outcomes
 * @throws InputError where it cannot serve, or has too many states
 */
export function worldsOf(subject: Subject, estimator: Estimator): World[] {
  const { backend, network } = subject;
  const { draws, rows, trial, states } = prepareRun(subject, estimator, Infinity);
  if (states > mostStates) {
    throw new InputError(`${estimator.name} has ${states} states; expected at most ${mostStates}`);
  }
  const found = new Map<string, { world: World; squares: number[][] }>();
  for (let first = 0; first < states; first += rows) {
    draws.start(first, rows);
    trial.run();
    const { weights } = draws;
    const bits = trial.prepared.pass.layers.map((outcome) => ({
      width: outcome.bits.columns,
      values: backend.readNow(outcome.bits),
    }));
    const credits = network.layers.map(({ width }, layer) => {
      const own = trial.credits.filter(({ linear }) => linear === network.layers[layer]);
      const sum = new Float64Array(rows * width);
      for (const { g } of own) {
        backend.readNow(g).forEach((value, e) => {
          sum[e] += value;
        });
      }
      return { width, values: sum };
    });
    for (let row = 0; row < rows; row++) {
      // What cannot happen has no say, not even where its credit is 0 / 0.
      if (weights[row] === 0) continue;
      const rowOf = ({ width, values }: { width: number; values: Float64Array }) =>
        Array.from(values.subarray(row * width, (row + 1) * width));
      const shown = bits.map(rowOf);
      const credit = credits.map(rowOf);
      const key = shown.flat().join("");
      let entry = found.get(key);
      if (entry === undefined) {
        const zeros = () => credit.map((layer) => layer.map(() => 0));
        entry = { world: { bits: shown, probability: 0, credit: zeros(), spread: [] }, squares: zeros() };
        found.set(key, entry);
      }
      entry.world.probability += weights[row];
      credit.forEach((layer, l) => {
        layer.forEach((value, j) => {
          entry.world.credit[l][j] += weights[row] * value;
          entry.squares[l][j] += weights[row] * value ** 2;
        });
      });
    }
  }
  return [...found]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, { world, squares }]) => {
      const { probability } = world;
      const credit = world.credit.map((layer) => layer.map((value) => value / probability));
      const spread = squares.map((layer, l) =>
        layer.map((square, j) => Math.max(0, square / probability - credit[l][j] ** 2)),
      );
      return { ...world, credit, spread };
    });
}
