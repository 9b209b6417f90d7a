/** The audit by simulation: what cannot be gone through is drawn, many times, and every number has a standard error. */
import type { ImmediateBackend } from "../backend/backend.ts";
import type { Estimator } from "../estimators/estimator.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import { GeneratedDraws, type Site } from "../network/draws.ts";
import type { Law } from "../network/laws.ts";
import { deriveKey, newKey, siteKey, uniformAt } from "../random/threefry.ts";
import type { LayerValues } from "./layout.ts";
import { MomentSums, type Moments } from "./moments.ts";
import type { AuditDraws, Subject } from "./subject.ts";

/** How much to simulate. The same settings give the same numbers. */
export interface SimulationOptions {
  /** Samples of one example's gradient, at most; a whole number of at least 2. Default: 2^17. */
  samples?: number;
  /** Default: 0. */
  seed?: number;
  /** Ends as soon as no parameter's standard error is larger. Default: never before all samples. */
  precision?: number;
}

/** Settings that can be used. @throws InputError for others */
export function checkSimulation({ samples = 2 ** 17, seed = 0, precision }: SimulationOptions) {
  if (!isWhole(samples, 2)) {
    throw new InputError(`the samples to simulate are ${samples}; expected a whole number of at least 2`);
  }
  if (!isWhole(seed, 0)) {
    throw new InputError(`the simulation's seed is ${seed}; expected a whole number of at least 0`);
  }
  if (precision !== undefined && !(precision > 0)) {
    throw new InputError(`the simulation's precision is ${precision}; expected a positive number`);
  }
  return { samples, seed, precision };
}

/** What a simulation found. */
export interface Simulated {
  /** Of each of the subject's linear maps. */
  readonly moments: readonly Moments[];
  readonly samples: number;
  /** The largest standard error of any parameter's mean. */
  readonly standardError: number;
  /** The largest distance of any parameter's mean from the exact gradient, in standard errors. */
  readonly largestZ: number;
  /** Of the mean variance. */
  readonly meanVarianceError: number;
}

/** Samples in one batch. */
const largestBatch = 1024;

/**
 * The moments of an estimator's gradient, from samples; the errors are of the network's layers, which it credits.
 * @param exact the exact gradient of each of the subject's linear maps
 * @param advance called with the number of samples done
 */
export function simulate(
  { backend, linears, network, prepare }: Subject,
  estimator: Estimator,
  exact: readonly LayerValues[],
  { samples, seed, precision }: ReturnType<typeof checkSimulation>,
  advance: (samples: number) => void = () => {},
): Simulated {
  const rows = Math.min(samples, largestBatch);
  const draws = new SimulatedDraws(backend, seed, rows);
  const trial = prepare(estimator, draws, rows);
  const sums = new MomentSums(backend, linears, exact);
  const layers = network.layers.length;
  const size = exact
    .slice(0, layers)
    .reduce((n, { bias, weights }) => n + bias.length + weights.flat().length, 0);
  // Rounding is no bias, where nothing is left to chance.
  const rounding = backend.features.dtype === "F64" ? 1e-12 : 1e-6;
  let done = 0;
  /** Sums over the samples of the mean squared distance from the exact gradient, and of its square. */
  let first = 0;
  let second = 0;

  function found(): Simulated {
    const moments = sums
      .result(done)
      .map((one) => ({ ...one, variance: scaled(one.variance, done / (done - 1)) }));
    let [standardError, largestZ] = [0, 0];
    moments.slice(0, layers).forEach(({ mean, variance }, l) => {
      const [means, variances, exacts] = [mean, variance, exact[l]].map(({ weights, bias }) => [
        ...weights.flat(),
        ...bias,
      ]);
      means.forEach((value, e) => {
        const error = Math.sqrt(variances[e] / done);
        standardError = Math.max(standardError, error);
        largestZ = Math.max(largestZ, Math.abs(value - exacts[e]) / Math.max(error, rounding));
      });
    });
    const spread = Math.max(0, second / done - (first / done) ** 2);
    return {
      moments,
      samples: done,
      standardError,
      largestZ,
      meanVarianceError: Math.sqrt(spread / (done - 1)),
    };
  }

  for (let batch = 0; done < samples; batch++) {
    const count = Math.min(rows, samples - done);
    draws.start(batch);
    trial.run();
    const distances = sums.add(
      trial.credits,
      Float64Array.from({ length: rows }, (_, b) => (b < count ? 1 : 0)),
    );
    for (let b = 0; b < count; b++) {
      const distance = distances.slice(0, layers).reduce((sum, one) => sum + one[b], 0) / size;
      first += distance;
      second += distance ** 2;
    }
    done += count;
    const enough = precision !== undefined && found().standardError <= precision;
    advance(enough ? samples - done + count : count);
    if (enough) break;
  }
  return found();
}

const scaled = ({ weights, bias }: LayerValues, by: number): LayerValues => ({
  weights: weights.map((row) => row.map((value) => by * value)),
  bias: bias.map((value) => by * value),
});

/** Draws from the generator, as training has them, and the world's chance from another of its streams. */
class SimulatedDraws implements AuditDraws {
  readonly #draws: GeneratedDraws;
  readonly #seed: number;
  readonly #rows: number;
  readonly #batchKey = newKey();
  readonly #key = newKey();
  /** Choices made in this batch. */
  #choices = 0;

  constructor(backend: ImmediateBackend, seed: number, rows: number) {
    this.#draws = new GeneratedDraws(backend, seed);
    this.#seed = seed;
    this.#rows = rows;
  }

  /** All draws until the next call belong to this batch. */
  start(batch: number): void {
    this.#draws.startStep(batch);
    deriveKey(this.#seed, "task", batch, this.#batchKey);
    this.#choices = 0;
  }

  draw(site: Site, law: Law): void {
    this.#draws.draw(site, law);
  }

  choose(_name: string, sides: number, laws?: readonly (readonly number[])[]): Int32Array {
    siteKey(this.#batchKey, this.#choices++, 0, this.#key);
    return Int32Array.from({ length: this.#rows }, (_, row) => {
      const u = uniformAt(this.#key, row);
      return laws === undefined ? Math.floor(u * sides) : outcomeAt(laws[row], u);
    });
  }
}

/** The outcome whose stretch of [0, 1) holds `u`; rounding may leave the last one's a little short. */
function outcomeAt(law: readonly number[], u: number): number {
  let rest = u;
  let last = 0;
  for (let k = 0; k < law.length; k++) {
    if (law[k] === 0) continue;
    last = k;
    rest -= law[k];
    if (rest < 0) return k;
  }
  return last;
}
