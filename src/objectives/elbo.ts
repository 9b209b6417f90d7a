/**
 * The evidence lower bound of a discrete hierarchical variational auto-encoder (HNCA paper, equation 7) as function
 * components. The network is the encoder: layer l samples `Phi_l ~ q_l(. | Phi_(l-1))`, `Phi_0` being the image. The
 * decoder predicts each layer from the one above it, the prior the topmost:
 *
 *     f = sum_l log p_l(Phi_l | Phi_(l+1)) + log p_L(Phi_L) + sum_l H(q_l(. | Phi_(l-1))).
 *
 * Indices here count from 0 as the network's layers do: `decoder.0` predicts the image from layer 0.
 * Decoder and prior learn by their direct gradient on the same sample, `(target - p) (x) input` (D-19).
 */
import type { Backend, Matrix, Outcome } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { createLinear, type Linear, type Network } from "../network/network.ts";
import {
  addFlipEntropy,
  type Credit,
  computeLogits,
  flipLogLikelihood,
  flipTables,
  type Trace,
} from "../network/trace.ts";
import type { Component, Objective } from "./objective.ts";

/** The form of the bound. */
export interface ElboOptions {
  /**
   * `"analytic"` (default): entropies H(q), as in the paper. `"sampled"`: `-log q` of what was sampled, as in DisARM's
   * authors' code. Same mean, other estimators (D-14).
   */
  entropy?: "analytic" | "sampled";
  /** The generative model; default: a new one, all zero. */
  decoder?: Decoder;
}

/** What generates images: `layers[l]` predicts the encoder's layer l - 1, or the image, from its layer l. */
export interface Decoder {
  readonly layers: readonly Linear[];
  /** Logits of the topmost layer: a bias without weights. */
  readonly prior: Linear;
}

/**
 * A decoder for an encoder, all parameters zero. Throws `InputError` where the encoder is not a chain of Bernoulli
 * layers over bits.
 */
export function createDecoder(encoder: Network): Decoder {
  const { backend, layers } = encoder;
  layers.forEach(({ kind, parents, addsInput }, l) => {
    const isFed = addsInput || (parents.length === 1 && parents[0].from === l - 1);
    if (kind !== "bernoulli" || !isFed) {
      throw new InputError(`layer ${l + 1} of the encoder is not a Bernoulli layer fed by the one before it`);
    }
  });
  if (encoder.front === undefined && encoder.inputCoding !== "zero-one") {
    throw new InputError("the encoder has real inputs; expected bits, which the decoder can predict");
  }
  const coding = encoder.spec.units;
  return {
    layers: layers.map((layer, l) => {
      const width = l === 0 ? encoder.inputs : layers[l - 1].width;
      return createLinear(backend, `decoder.${l}`, [{ from: l, coding, rows: layer.width }], width);
    }),
    prior: createLinear(backend, "prior", [], layers[layers.length - 1].width),
  };
}

/** Throws `InputError` where the encoder is not a chain of Bernoulli layers over bits. */
export function elboObjective(encoder: Network, options: ElboOptions = {}): Objective {
  const { entropy = "analytic", decoder = createDecoder(encoder) } = options;
  const { backend, layers } = encoder;
  const linears = [...decoder.layers, decoder.prior];
  return {
    linears,
    prepare(trace) {
      const targets = [trace.input, ...trace.layers.map(({ bits }) => bits)];
      const predictions = linears.map((linear, l) => prediction(backend, trace, linear, targets[l], l));
      const entropies = layers.map((_, l) =>
        entropy === "analytic" ? analyticEntropy(trace, l) : sampledEntropy(trace, l),
      );
      return {
        components: [...predictions, ...entropies],
        credits: predictions.map(({ credit }) => credit),
        addDirectGradient(layer, g) {
          if (entropy === "sampled") return; // Its expectation is zero.
          const { logits, p, q } = trace.layers[layer.index];
          backend.addEntropyGradient(logits, p, q, g);
        },
        assign() {
          for (const { outcome, credit } of predictions) backend.subtract(outcome.bits, outcome.p, credit.g);
        },
      };
    },
  };
}

/**
 * `log p_l(Phi_l | Phi_(l+1))`, with `target` = `Phi_l`: it reads the layer that it predicts (the image is none) and
 * the layer it predicts from (the prior has none).
 */
function prediction(backend: Backend, trace: Trace, linear: Linear, target: Matrix, l: number) {
  const B = trace.batchSize;
  const matrix = () => backend.matrix(B, linear.width);
  const outcome: Outcome = {
    kind: "bernoulli",
    choices: 1,
    logits: matrix(),
    p: matrix(),
    q: matrix(),
    bits: target,
  };
  const value = backend.matrix(B, 1);
  const [edge] = linear.parents;
  const credit: Credit = { linear, g: matrix(), trace };
  const component: Component = {
    name: linear.name,
    reads: [...(l > 0 ? [l - 1] : []), ...(edge === undefined ? [] : [edge.from])],
    value,
    evaluate() {
      computeLogits(trace, linear, outcome.logits);
      backend.sigmoid(outcome.logits, outcome.p, outcome.q);
      backend.logLikelihood(outcome, value);
    },
    addDifferences(layer, out) {
      // The unit is predicted: log p - log (1 - p) is the logit. Or it predicts.
      if (layer.index === l - 1) backend.addScaled(outcome.logits, 1, out);
      else {
        const { bits } = trace.layers[layer.index];
        backend.flipLogLikelihood(bits, flipTables(trace, edge), outcome, out, true);
      }
    },
  };
  return { ...component, outcome, credit };
}

/** `H(q_l(. | Phi_(l-1)))`. The first layer's reads the image only. */
function analyticEntropy(trace: Trace, l: number): Component {
  const { backend, layers } = trace.network;
  const child = trace.layers[l];
  const value = backend.matrix(trace.batchSize, 1);
  const [edge] = layers[l].parents;
  return {
    name: `entropy.${l}`,
    reads: l === 0 ? [] : [l - 1],
    value,
    evaluate: () => backend.entropy(child, value),
    addDifferences(_layer, out) {
      addFlipEntropy(trace, edge, l, out);
    },
  };
}

/** `-log q_l(Phi_l | Phi_(l-1))`. */
function sampledEntropy(trace: Trace, l: number): Component {
  const { backend, layers } = trace.network;
  const child = trace.layers[l];
  const value = backend.matrix(trace.batchSize, 1);
  const [edge] = layers[l].parents;
  return {
    name: `entropy.${l}`,
    reads: l === 0 ? [0] : [l - 1, l],
    value,
    evaluate() {
      backend.logLikelihood(child, value);
      backend.addScaled(value, -2, value);
    },
    addDifferences(layer, out) {
      const difference = layer.index === l ? child.logits : flipLogLikelihood(trace, edge, l);
      backend.addScaled(difference, -1, out);
    },
  };
}
