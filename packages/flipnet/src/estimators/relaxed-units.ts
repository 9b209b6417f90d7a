/**
 * Relaxed units: what a layer shows in place of its outcome, from the noise that draws it. A Bernoulli unit shows `s = sigmoid(z / t)`, a softmax
 * unit `s = softmax(z / t)`, `z` its logits with logistic or Gumbel noise, which has the slope `s (1 - s) / t` or `(diag(s) - s s^T) / t`.
 */
import type { Backend, Matrix, Outcome } from "../backend/backend.ts";
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
  const { kind, choices } = outcome;
  const prepare = kind === "bernoulli" ? prepareNoise : prepareGumbels;
  const noise = prepare(backend, outcome, kept);
  const [cooled, rest] = [0, 1].map(() => backend.matrix(shown.rows, shown.columns));
  function show(): void {
    backend.fill(cooled, 0);
    backend.addScaled(noise.z, 1 / temperature, cooled);
    if (kind === "bernoulli") backend.sigmoid(cooled, shown, rest);
    else backend.softmax(cooled, choices, shown);
  }
  return {
    relax() {
      noise.relax();
      show();
    },
    relaxGivenBits(block) {
      noise.relaxGivenBits(block);
      show();
    },
    through(a, factor, out) {
      if (kind === "bernoulli") {
        backend.meanSlope(a, shown, rest, factor / temperature, out);
        return;
      }
      backend.softmaxSlope(shown, choices, a, cooled);
      backend.fill(out, 0);
      backend.addScaled(cooled, factor / temperature, out);
    },
  };
}

/** The same estimator, whose uniforms are kept: a layer's in its matrix of `kept`, [times B, width]. */
export function withNoise(
  backend: Backend,
  prepared: PreparedEstimator,
  kept: readonly Matrix[],
): PreparedEstimator {
  const laws = prepared.pass.layers.map((outcome, index) =>
    (outcome.kind === "bernoulli" ? keepingNoise : keepingGumbels)(backend, outcome, kept[index]),
  );
  return {
    ...prepared,
    sample: (draws) =>
      prepared.sample({
        draw: (site) => draws.draw(site, laws[site.layer.index]),
        stands: (branch) => draws.stands?.(branch) ?? false,
      }),
  };
}
