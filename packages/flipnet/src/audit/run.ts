/** The audit of one estimator: everything that it can do on a subject, enumerated. */
import type { Estimator } from "../estimators/estimator.ts";
import { findParts, type Part, wholePart } from "./dependence.ts";
import { EnumeratedDraws } from "./enumeration.ts";
import type { LayerValues } from "./layout.ts";
import { MomentSums, type Moments } from "./moments.ts";
import type { Subject, Trial } from "./subject.ts";

/** States in one batch: enough for the kernels, and a batch's matrices still fit in a cache. */
const largestBatch = 1024;

/** Where there are fewer states, none are worth saving. */
const fewStates = 4096;

/** An estimator and what is to be enumerated for it. */
export interface Run {
  readonly subject: Subject;
  readonly draws: EnumeratedDraws;
  readonly rows: number;
  readonly trial: Trial;
  readonly parts: readonly Part[];
  /** In all parts together. */
  readonly states: number;
}

/**
 * Finds out what an estimator draws, by a dry run on a batch of one, and which of its draws matter to which credit.
 * Throws what the estimator throws at a problem that it cannot serve.
 */
export function prepareRun(subject: Subject, estimator: Estimator, wholeUpTo = fewStates): Run {
  const { backend, linears } = subject;
  const draws = new EnumeratedDraws();
  subject.prepare(estimator, draws, 1).run();
  const all = wholePart(linears, draws.tosses);
  const rows = Math.min(all.states, largestBatch);
  const trial = subject.prepare(estimator, draws, rows);
  const parts = all.states <= wholeUpTo ? [all] : findParts(backend, linears, draws, trial);
  const states = parts.reduce((sum, part) => sum + part.states, 0);
  return { subject, draws, rows, trial, parts, states };
}

/**
 * The moments of the gradient of each of the subject's linear maps.
 * @param exact their exact gradients
 * @param advance called with the number of states done
 */
export function enumerate(
  { subject, draws, rows, trial, parts }: Run,
  exact: readonly LayerValues[],
  advance: (states: number) => void = () => {},
): Moments[] {
  const { backend, linears } = subject;
  const moments: Moments[] = [];
  for (const part of parts) {
    const places = part.linears.map((linear) => linears.indexOf(linear));
    const sums = new MomentSums(
      backend,
      part.linears,
      places.map((place) => exact[place]),
    );
    draws.select(part.tosses);
    for (let first = 0; first < part.states; first += rows) {
      draws.start(first, rows);
      trial.run();
      sums.add(trial.credits, draws.weights);
      advance(Math.min(rows, part.states - first));
    }
    sums.result().forEach((result, i) => {
      moments[places[i]] = result;
    });
  }
  return moments;
}
