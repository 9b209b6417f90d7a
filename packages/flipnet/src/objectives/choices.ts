/** What function components make of the logits of whole softmax units: the choices' counterparts of `activations.ts`. */
import type { Outcome } from "../backend/backend.ts";
import { addFlipEntropy, addLikelihoodDifferences, flipLogLikelihood } from "../network/pass.ts";
import {
  type ActivationKernels,
  type Logits,
  likelihoodSlope,
  prepareLogLikelihood,
  surprisalSlope,
} from "./activations.ts";

/** A function of units' logits, by a backend's operations. */
export interface UnitFunction {
  /** Whether the parameters behind the logits learn by its slope. */
  readonly learns: boolean;
  kernels(site: Logits): ActivationKernels;
}

/** `log P(target)` of softmax units, the target being what a softmax layer chose; or of one unit over all logits. */
export const choiceLogLikelihood: UnitFunction = {
  learns: true,
  kernels(site) {
    const { pass, logits, target: bits, targetLayer } = site;
    const { backend } = pass.network;
    const choices = targetLayer?.choices ?? logits.columns;
    const p = backend.matrix(pass.batchSize, logits.columns);
    const outcome: Outcome = { kind: "softmax", choices, logits, p, q: p, bits: bits! };
    const logLikelihoodOf = prepareLogLikelihood(site, outcome);
    return {
      evaluate(value) {
        backend.softmax(logits, choices, p);
        logLikelihoodOf(value);
      },
      addTargetSlopes: (out) => backend.addScaled(logits, 1, out),
      addParentDifferences: (edge, out) => addLikelihoodDifferences(pass, edge, outcome, out),
      addTargetDifferences: (out) => backend.addChoiceDifferences(logits, choices, bits!, out),
      slope: likelihoodSlope(pass, outcome),
    };
  },
};

/** The entropy in nats of a softmax layer's units; `dH/dl = -p (l - p . l)`. */
export const choiceEntropy: UnitFunction = {
  learns: true,
  kernels({ pass, logits, layer }) {
    const { backend } = pass.network;
    const { index, choices } = layer!;
    const outcome = pass.layers[index];
    const less = backend.matrix(pass.batchSize, logits.columns);
    return {
      evaluate: (value) => backend.entropy(outcome, value),
      addParentDifferences: (edge, out) => addFlipEntropy(pass, edge, index, out),
      addTargetDifferences() {},
      slope(g, accumulate) {
        if (!accumulate) backend.fill(g, 0);
        backend.softmaxSlope(outcome.p, choices, logits, less);
        backend.addScaled(less, -1, g);
      },
    };
  },
};

/** `-log q` of what a softmax layer itself chose, the target: its entropy, sampled. */
export const choiceSurprisal: UnitFunction = {
  learns: false,
  kernels(site) {
    const { pass, logits, layer } = site;
    const { backend } = pass.network;
    const { index, choices } = layer!;
    const outcome = pass.layers[index];
    const logLikelihoodOf = prepareLogLikelihood(site, outcome);
    const differences = backend.matrix(pass.batchSize, logits.columns);
    return {
      evaluate(value) {
        logLikelihoodOf(value);
        backend.addScaled(value, -2, value);
      },
      addTargetSlopes: (out) => backend.addScaled(logits, -1, out),
      addParentDifferences: (edge, out) => backend.addScaled(flipLogLikelihood(pass, edge, index), -1, out),
      addTargetDifferences(out) {
        backend.fill(differences, 0);
        backend.addChoiceDifferences(logits, choices, outcome.bits, differences);
        backend.addScaled(differences, -1, out);
      },
      slope: surprisalSlope(pass, outcome),
    };
  },
};
