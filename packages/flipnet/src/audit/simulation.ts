/**
 * The audit by simulation: what cannot be gone through is drawn, many times, and every number has a standard error. Where
 * not even the exact gradient can be had, an unbiased estimator's own draws stand for it, with theirs.
 */
import type { ImmediateBackend } from "../backend/backend.ts";
import type { Estimator } from "../estimators/estimator.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import { GeneratedDraws, type Site } from "../network/draws.ts";
import type { Law } from "../network/laws.ts";
import type { Linear } from "../network/network.ts";
import { deriveKey, newKey, type Stream, siteKey, uniformAt } from "../random/threefry.ts";
import { fromBlock, type LayerValues } from "./layout.ts";
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

const optionNames: Names<SimulationOptions> = { samples: 1, seed: 1, precision: 1 };

/** Settings that can be used. @throws InputError for others */
export function checkSimulation(options: SimulationOptions) {
  refuseUnknown("the simulation", optionNames, options);
  const { samples = 2 ** 17, seed = 0, precision } = options;
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
  /** The largest standard error of any parameter's mean, less the truth's. */
  readonly standardError: number;
  /** The largest distance of any parameter's mean from the truth, in standard errors. */
  readonly largestZ: number;
  /** Of the mean variance. */
  readonly meanVarianceError: number;
}

/** What means are held against. */
export interface Truth {
  /** Of each of the subject's linear maps: the exact gradient, or an unbiased estimator's mean. */
  readonly gradient: readonly LayerValues[];
  /** Of the latter: the squared standard error of every number. Absent: it is exact. */
  readonly squaredErrors?: readonly LayerValues[];
}

/** Samples in one batch. */
const largestBatch = 1024;

/**
 * The moments of an estimator's gradient, from samples; the errors are of the network's layers, which it credits.
 * @param advance called with the number of samples done
 * @param stream where the draws come from: those of different streams are independent
 */
export function simulate(
  { backend, linears, network, prepare }: Subject,
  estimator: Estimator,
  { gradient, squaredErrors }: Truth,
  { samples, seed, precision }: ReturnType<typeof checkSimulation>,
  advance: (samples: number) => void = () => {},
  stream: Stream = "draws",
): Simulated {
  const rows = Math.min(samples, largestBatch);
  const draws = new SimulatedDraws(backend, seed, rows, stream);
  const trial = prepare(estimator, draws, rows);
  const sums = new MomentSums(backend, linears, gradient);
  const layers = network.layers.length;
  const size = gradient
    .slice(0, layers)
    .reduce((n, { bias, weights }) => n + bias.length + weights.flat().length, 0);
  // Rounding is no bias, where nothing is left to chance.
  const rounding = backend.features.dtype === "F64" ? 1e-12 : 1e-6;
  let done = 0;
  /** Sums over the samples of the mean squared distance from the truth, and of its square. */
  let first = 0;
  let second = 0;

  const momentsSoFar = () =>
    sums.result(done).map((one) => ({ ...one, variance: scaled(one.variance, done / (done - 1)) }));

  /** Whether no mean's own standard error is too large. */
  function isPrecise(): boolean {
    if (precision === undefined || done < 2) return false;
    const most = momentsSoFar()
      .slice(0, layers)
      .flatMap(({ variance }) => flat(variance))
      .reduce((a, b) => Math.max(a, b), 0);
    return Math.sqrt(most / done) <= precision;
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
    const enough = isPrecise();
    advance(enough ? samples - done + count : count);
    if (enough) break;
  }

  const moments = momentsSoFar();
  let [standardError, largestZ] = [0, 0];
  moments.slice(0, layers).forEach(({ mean, variance }, l) => {
    const [means, variances, truths] = [mean, variance, gradient[l]].map(flat);
    const squares = squaredErrors && flat(squaredErrors[l]);
    means.forEach((value, e) => {
      const error = Math.sqrt(variances[e] / done + (squares?.[e] ?? 0));
      standardError = Math.max(standardError, error);
      largestZ = Math.max(largestZ, Math.abs(value - truths[e]) / Math.max(error, rounding));
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

/** What simulations by other estimators can be held against: an unbiased one's, by draws that they do not have. */
export function simulateTruth(
  subject: Subject,
  estimator: Estimator,
  settings: ReturnType<typeof checkSimulation>,
  advance?: (samples: number) => void,
): Truth & { readonly samples: number; readonly standardError: number } {
  const nothing = { gradient: subject.linears.map(zerosOf) };
  const found = simulate(subject, estimator, nothing, settings, advance, "test");
  const { moments, samples, standardError } = found;
  return {
    gradient: moments.map(({ mean }) => mean),
    squaredErrors: moments.map(({ variance }) => scaled(variance, 1 / samples)),
    samples,
    standardError,
  };
}

const zerosOf = ({ width, block }: Linear): LayerValues =>
  fromBlock(new Float64Array(block.rows * block.columns), width);

const flat = ({ weights, bias }: LayerValues): number[] => [...weights.flat(), ...bias];

const scaled = ({ weights, bias }: LayerValues, by: number): LayerValues => ({
  weights: weights.map((row) => row.map((value) => by * value)),
  bias: bias.map((value) => by * value),
});

/** Draws from the generator, as training has them, and the world's chance from another of its streams. */
class SimulatedDraws implements AuditDraws {
  readonly #draws: GeneratedDraws;
  /** The stream of the world's own chance. */
  readonly #world: Stream;
  readonly #seed: number;
  readonly #rows: number;
  readonly #batchKey = newKey();
  readonly #key = newKey();
  /** Choices made in this batch. */
  #choices = 0;

  constructor(backend: ImmediateBackend, seed: number, rows: number, stream: Stream) {
    this.#draws = new GeneratedDraws(backend, seed, stream);
    this.#world = stream === "draws" ? "task" : "images";
    this.#seed = seed;
    this.#rows = rows;
  }

  /** All draws until the next call belong to this batch. */
  start(batch: number): void {
    this.#draws.startStep(batch);
    deriveKey(this.#seed, this.#world, batch, this.#batchKey);
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
