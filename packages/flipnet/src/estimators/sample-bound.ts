/**
 * The bound of K samples, `L = log (1/K sum_k w_k)`, `w_k = e^(f_k)` (Burda, Grosse and Salakhutdinov 2016): what the rules that
 * climb it share. `f` is the whole objective; every sample is a full pass, and counts by its share `w_k / (sum w)`.
 */
import { immediate, type Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { createPass, type Pass } from "../network/pass.ts";
import type { Evaluation } from "../objectives/objective.ts";
import type { Problem } from "./estimator.ts";

/** One of the K samples. */
export interface BoundSample {
  readonly pass: Pass;
  readonly evaluation: Evaluation;
  /** A credit of each layer. */
  readonly terms: readonly {
    readonly linear: Problem["network"]["layers"][number];
    readonly pass: Pass;
    readonly g: Matrix;
  }[];
  /** [B] what the objective is on it; valid after `evaluate`. */
  readonly f: Float64Array;
  /** [B, 1] its share of all weights; valid after `evaluate`. */
  readonly share: Matrix;
}

/** K samples and their bound. */
export interface SampleBound {
  readonly samples: readonly BoundSample[];
  /** The objective on the first pass, whose own parameters learn from all samples, by their shares. */
  readonly evaluation: Evaluation;
  /** [B] the bound; valid after `evaluate`. */
  readonly value: Float64Array;
  /** Evaluates the objective on all samples. */
  evaluate(): void;
  /** The bound on example `b`, were the objective `f` on sample `k`. */
  valueWith(b: number, k: number, f: number): number;
  /** Adds to the credits of a sample what its own `f` owes directly to the logits, by its share. */
  addShares(sample: BoundSample): void;
}

/** @throws InputError where a component is a function of a law: it is no part of an importance weight */
export function prepareSampleBound(
  name: string,
  { network, input, objective }: Problem,
  K: number,
): SampleBound {
  const { backend, layers } = network;
  const host = immediate(backend);
  const B = input.rows;
  const main = createPass(network, input);
  const passes = [
    main,
    ...Array.from({ length: K - 1 }, (_, k) => createPass(network, input, k + 1, main.features)),
  ];
  const samples = passes.map(
    (pass): BoundSample => ({
      pass,
      evaluation: objective.prepare(pass),
      terms: layers.map((layer) => ({ linear: layer, pass, g: backend.matrix(B, layer.width) })),
      f: new Float64Array(B),
      share: backend.matrix(B, 1),
    }),
  );
  const [{ evaluation: first }] = samples;
  const ofLaw = first.components.find((component) => component.ofLaw);
  if (ofLaw !== undefined) {
    throw new InputError(
      `"${ofLaw.name}" is a function of a law, and ${name} weighs what was drawn; expected sampled entropies`,
    );
  }
  const slopes = layers.map(({ width }) => backend.matrix(B, width));
  const [one, value, shares] = [0, 1, 2].map(() => new Float64Array(B));
  const logs = new Float64Array(K);

  function logMean(): number {
    let largest = -Infinity;
    for (let k = 0; k < K; k++) largest = Math.max(largest, logs[k]);
    let total = 0;
    for (let k = 0; k < K; k++) total += Math.exp(logs[k] - largest);
    return largest + Math.log(total / K);
  }

  function valueWith(b: number, k: number, f: number): number {
    for (let other = 0; other < K; other++) logs[other] = samples[other].f[b];
    logs[k] = f;
    return logMean();
  }

  return {
    samples,
    evaluation: weighted(),
    value,
    valueWith,
    evaluate() {
      for (const { evaluation, f } of samples) {
        f.fill(0);
        for (const component of evaluation.components) {
          component.evaluate();
          host.readNow(component.value, one);
          for (let b = 0; b < B; b++) f[b] += one[b];
        }
      }
      for (let b = 0; b < B; b++) value[b] = valueWith(b, 0, samples[0].f[b]);
      for (const { f, share } of samples) {
        for (let b = 0; b < B; b++) shares[b] = Math.exp(f[b] - value[b]) / K;
        backend.write(share, shares);
      }
    },
    addShares({ evaluation, terms, share }) {
      for (const { linear: layer, g } of terms) {
        const own = slopes[layer.index];
        backend.fill(own, 0);
        evaluation.addLogitSlopes?.(layer, own);
        backend.scaleRows(own, share, own);
        backend.addScaled(own, 1, g);
      }
    },
  };

  function weighted(): Evaluation {
    const fronts = (first.fronts ?? []).map((front) => ({
      ...front,
      gradients: front.gradients.map(({ rows, columns }) => backend.matrix(rows, columns)),
    }));
    return {
      ...first,
      credits: samples.flatMap(({ evaluation }) => evaluation.credits),
      fronts,
      differentiate(weights) {
        for (const { evaluation, share } of samples) {
          // Nothing needs the shares as they were: they are made anew in each step.
          if (weights !== undefined) backend.scaleRows(share, weights, share);
          evaluation.differentiate(share);
        }
        fronts.forEach(({ gradients }, i) => {
          gradients.forEach((sum, j) => {
            backend.fill(sum, 0);
            for (const { evaluation } of samples) {
              backend.addScaled(evaluation.fronts![i].gradients[j], 1, sum);
            }
          });
        });
      },
    };
  }
}
