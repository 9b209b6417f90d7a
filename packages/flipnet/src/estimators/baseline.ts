/**
 * Baselines: what is subtracted from a learning signal. A baseline may depend on what the network saw and on the past, but
 * on no outcome of this step: then the estimate stays unbiased (HNCA paper, appendices E and J; D-7, D-21). So it is
 * asked first, `subtract`, and moved afterwards, `adapt`.
 */
import type { Backend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Parameters } from "../front-ends/front-end.ts";
import type { Pass } from "../network/pass.ts";

/** A baseline for one learning signal, on batches of one size. */
export interface PreparedBaseline {
  /** `out = signal - baseline`, both [B, 1]. */
  subtract(signal: Matrix, out: Matrix): void;
  /** Moves the baseline towards the signal; gradients of what it learns are valid afterwards. Absent: it stays. */
  adapt?(signal: Matrix): void;
  /** What has to be saved. */
  readonly state?: Matrix;
  readonly parameters?: readonly Parameters[];
  /** One for each of the parameters. Uphill. */
  readonly gradients?: readonly Matrix[];
}

/** A baseline of one's own. */
export interface BaselineRule {
  /** Throws `InputError` where it cannot serve. `name` is the signal's, for what is saved or learned; `signal` itself [B, 1]. */
  prepare(pass: Pass, name: string, signal: Matrix): PreparedBaseline;
}

/** `"running-average"`: of the past signals. A number: that constant. */
export type Baseline = "none" | "running-average" | number | BaselineRule;

/** The baseline of a signal; undefined for none. Throws `InputError` for a word that is no baseline. */
export function prepareBaseline(
  baseline: Baseline,
  decay: number,
  pass: Pass,
  name: string,
  signal: Matrix,
): PreparedBaseline | undefined {
  const { backend } = pass.network;
  if (baseline === "none") return undefined;
  if (baseline === "running-average") return runningAverage(backend, decay);
  if (typeof baseline === "number") return constant(backend, baseline);
  if (typeof baseline?.prepare === "function") return baseline.prepare(pass, name, signal);
  throw new InputError(`the baseline is "${baseline}"; expected none, running-average, a number or a rule`);
}

function constant(backend: Backend, value: number): PreparedBaseline {
  if (!Number.isFinite(value)) throw new InputError(`the baseline is ${value}; expected a finite number`);
  const mean = backend.matrix(1, 1);
  backend.fill(mean, value);
  return { subtract: (signal, out) => backend.subtractBaseline(signal, mean, out) };
}

/** It starts at 0 and then becomes `decay average + (1 - decay) (mean of the batch's signals)`. */
function runningAverage(backend: Backend, decay: number): PreparedBaseline {
  if (!(decay >= 0 && decay < 1)) {
    throw new InputError(`the baseline's decay is ${decay}; expected a number from 0 on, below 1`);
  }
  const mean = backend.matrix(1, 1);
  return {
    state: mean,
    subtract: (signal, out) => backend.subtractBaseline(signal, mean, out),
    adapt: (signal) => backend.trackMean(signal, decay, mean),
  };
}
