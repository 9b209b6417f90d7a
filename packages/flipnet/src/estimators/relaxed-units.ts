/**
 * Relaxed units: what a layer shows in place of its outcome, from the noise that draws it. A Bernoulli unit shows `s = sigmoid(z / t)`, a softmax
 * unit `s = softmax(z / t)`, `z` its logits with logistic or Gumbel noise, which has the slope `s (1 - s) / t` or `(diag(s) - s s^T) / t`.
 */
import type { Backend, Matrix, Outcome } from "../backend/backend.ts";
import type { Law } from "../network/laws.ts";
import type { PreparedEstimator } from "./estimator.ts";
import { keepingGumbels, prepareGumbels } from "./gumbel-noise.ts";
import { keepingNoise, prepareNoise } from "./logistic-noise.ts";

/** The relaxed units of one layer. */
export interface RelaxedUnits {
  /** Relaxes by the noise that drew the outcome. */
  relax(): void;
  /** Relaxes by other noise that would have drawn it; `block` says which rows of the uniforms. */
  relaxGivenBits(block: number): void;
  /** `out = factor a ds/dl`, [B, width], the noise being fixed. */
  through(a: Matrix, factor: number, out: Matrix): void;
  /** `out = a ds/dl`, what the noise itself moves included where it would have drawn the outcome. `out` may be `a`. */
  pull(a: Matrix, out: Matrix): void;
  /** `out = ds/dl d`, as `pull`: how the units move as the logits do by `d`. `out` may be `d`. */
  push(d: Matrix, out: Matrix): void;
}

/**
 * @param kept the layer's uniforms, `withNoise`'s
 * @param shown [B, width] where `s` is written
 */
export function prepareRelaxedUnits(
  backend: Backend,
  outcome: Outcome,
  kept: Matrix,
  temperature: number,
  shown: Matrix,
): RelaxedUnits {
  const cooled = backend.matrix(shown.rows, shown.columns);
  const prepare = outcome.kind === "bernoulli" ? prepareBernoulli : prepareSoftmax;
  const parts = { backend, outcome, kept, temperature, shown, cooled };
  const { noise, show, through, pullGiven, pushGiven } = prepare(parts);
  let isGiven = false;
  function relaxBy(given: boolean): void {
    isGiven = given;
    backend.fill(cooled, 0);
    backend.addScaled(noise.z, 1 / temperature, cooled);
    show();
  }
  return {
    relax() {
      noise.relax();
      relaxBy(false);
    },
    relaxGivenBits(block) {
      noise.relaxGivenBits(block);
      relaxBy(true);
    },
    through,
    pull(a, out) {
      if (isGiven) pullGiven(a, out);
      else through(a, 1, out);
    },
    push(d, out) {
      if (isGiven) pushGiven(d, out);
      else through(d, 1, out);
    },
  };
}

interface Parts {
  readonly backend: Backend;
  readonly outcome: Outcome;
  readonly kept: Matrix;
  readonly temperature: number;
  readonly shown: Matrix;
  /** [B, width] `z / t` when it is shown; room after that. */
  readonly cooled: Matrix;
}

function prepareBernoulli({ backend, outcome, kept, temperature, shown, cooled }: Parts) {
  const noise = prepareNoise(backend, outcome, kept);
  const rest = backend.matrix(shown.rows, shown.columns);
  function through(a: Matrix, factor: number, out: Matrix): void {
    backend.meanSlope(a, shown, rest, factor / temperature, out);
  }
  function moveGiven(a: Matrix, out: Matrix): void {
    through(noise.slope, 1, cooled);
    backend.multiply(a, cooled, out);
  }
  const show = () => backend.sigmoid(cooled, shown, rest);
  return { noise, show, through, pullGiven: moveGiven, pushGiven: moveGiven };
}

function prepareSoftmax({ backend, outcome, kept, temperature, shown, cooled }: Parts) {
  const { choices } = outcome;
  const noise = prepareGumbels(backend, outcome, kept);
  function through(a: Matrix, factor: number, out: Matrix): void {
    backend.softmaxSlope(shown, choices, a, cooled);
    backend.fill(out, 0);
    backend.addScaled(cooled, factor / temperature, out);
  }
  return {
    noise,
    show: () => backend.softmax(cooled, choices, shown),
    through,
    pullGiven(a: Matrix, out: Matrix) {
      through(a, 1, out);
      noise.pull(out, out);
    },
    pushGiven(d: Matrix, out: Matrix) {
      noise.push(d, out);
      through(out, 1, out);
    },
  };
}

/** The law of a layer that keeps the uniforms it is drawn from, all `kept`. */
export const keepingUniforms = (backend: Backend, outcome: Outcome, kept: Matrix): Law =>
  (outcome.kind === "bernoulli" ? keepingNoise : keepingGumbels)(backend, outcome, kept);

/** The same estimator, whose uniforms are kept: a layer's in its matrix of `kept`, [times B, width]. */
export function withNoise(
  backend: Backend,
  prepared: PreparedEstimator,
  kept: readonly Matrix[],
): PreparedEstimator {
  const laws = prepared.pass.layers.map((outcome, index) => keepingUniforms(backend, outcome, kept[index]));
  return {
    ...prepared,
    sample: (draws) =>
      prepared.sample({
        draw: (site) => draws.draw(site, laws[site.layer.index]),
        stands: (branch) => draws.stands?.(branch) ?? false,
      }),
  };
}
