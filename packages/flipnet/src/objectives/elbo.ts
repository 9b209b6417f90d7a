/**
 * The evidence lower bound of a discrete hierarchical variational auto-encoder (HNCA paper, equation 7) as function
 * components. The network is the encoder: layer l samples `Phi_l ~ q_l(. | Phi_(l-1))`, `Phi_0` being the image (of a
 * layer with other parents, given these). The decoder predicts each layer from the one above it, the prior the topmost:
 *
 *     f = sum_l log p_l(Phi_l | Phi_(l+1)) + log p_L(Phi_L) + sum_l H(q_l(. | Phi_(l-1))).
 *
 * Indices here count from 0 as the network's layers do: `decoder.0` predicts the image from layer 0.
 * Decoder and prior learn by their direct gradient on the same sample, `(target - p) (x) input` (D-19).
 */
import type { Backend } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import type { FrontEnd, Parameters } from "../front-ends/front-end.ts";
import { readOut, rectifiedFrontEnd } from "../front-ends/rectified.ts";
import { createLinear, type Linear, type Network } from "../network/network.ts";
import { entropy, logLikelihood, surprisal } from "./activations.ts";
import { choiceEntropy, choiceLogLikelihood, choiceSurprisal } from "./choices.ts";
import { componentsObjective, createReadout } from "./components.ts";
import { nonlinearObjective } from "./nonlinear.ts";
import { type Objective, sumOf } from "./objective.ts";
import type { Weight } from "./weighted.ts";

/** The form of the bound. */
export interface ElboOptions {
  /**
   * `"analytic"` (default): entropies H(q), as in the paper. `"sampled"`: `-log q` of what was sampled, as in DisARM's
   * authors' code. Same mean, other estimators (D-14).
   */
  entropy?: "analytic" | "sampled";
  /** The generative model; default: a new one, all zero. */
  decoder?: Decoder;
  /** What the KL divergence counts, all terms but the likelihood of the image; default: whole. */
  klWeight?: Readonly<Weight> | undefined;
}

const optionNames: Names<ElboOptions> = { entropy: 1, decoder: 1, klWeight: 1 };
const decoderNames: Names<DecoderOptions> = { priorRate: 1, nonlinear: 1 };

/** What generates images: `layers[l]` predicts the encoder's layer l - 1, or the image, from its layer l. */
export interface Decoder {
  readonly layers: readonly Linear[];
  /** What stands between the first layer's bits, read as 0 and 1, and the weights of `layers[0]`. Absent: nothing. */
  readonly front?: FrontEnd;
  /** Logits of the topmost layer: a bias without weights. */
  readonly prior: Linear;
}

/** How a decoder is made. */
export interface DecoderOptions {
  /** The prior's own learning rate, 0: it stays; default: the optimizer's. */
  readonly priorRate?: number | undefined;
  /** Units of leaky rectifiers between the image and the first layer, the image's side first; default: none. */
  readonly nonlinear?: readonly number[] | undefined;
}

/**
 * A decoder for an encoder, all parameters zero: a chain, whatever the encoder's graph. Throws `InputError` where the
 * encoder reads anything but bits.
 */
export function createDecoder(encoder: Network, options: DecoderOptions = {}): Decoder {
  refuseUnknown("createDecoder", decoderNames, options);
  const { priorRate, nonlinear = [] } = options;
  const { backend, layers } = encoder;
  if (encoder.front === undefined && encoder.inputCoding !== "zero-one") {
    throw new InputError("the encoder has real inputs; expected bits, which the decoder can predict");
  }
  const linears = layers.map((_, l) =>
    l === 0 && nonlinear.length > 0
      ? createLinear(backend, "decoder.0", [{ from: 0, coding: "real", rows: nonlinear[0] }], encoder.inputs)
      : createReadout(encoder, `decoder.${l}`, [l], l === 0 ? encoder.inputs : layers[l - 1].width),
  );
  return {
    layers: linears,
    ...(nonlinear.length > 0 && {
      front: rectifiedFrontEnd(backend, {
        inputs: layers[0].width,
        widths: nonlinear.toReversed(),
        name: "decoder.hidden",
      }),
    }),
    prior: {
      ...createReadout(encoder, "prior", [], layers[layers.length - 1].width),
      ...(priorRate !== undefined && { rate: priorRate }),
    },
  };
}

/** All of a decoder's parameters. */
export const decoderParameters = ({ layers, prior, front }: Decoder): readonly Parameters[] => [
  ...layers,
  prior,
  ...(front?.parameters ?? []),
];

/** What predicts the image from the first layer's bits, where that is no linear map alone. */
export const imageNetwork = (backend: Backend, { layers, front }: Decoder): FrontEnd | undefined =>
  front && readOut(backend, front, layers[0]);

/** Throws `InputError` where the encoder is none that `createDecoder` serves. */
export function elboObjective(encoder: Network, options: ElboOptions = {}): Objective {
  refuseUnknown("elboObjective", optionNames, options);
  const { entropy = "analytic", decoder = createDecoder(encoder), klWeight } = options;
  const { layers, prior } = decoder;
  const network = imageNetwork(encoder.backend, decoder);
  const image =
    network === undefined
      ? componentsObjective(encoder, layers[0], logLikelihood, { target: "input" })
      : nonlinearObjective(encoder, network, logLikelihood, {
          reads: 0,
          name: layers[0].name,
          target: "input",
        });
  return sumOf(image, latentTerms(encoder, { layers: layers.slice(1), prior }, entropy, klWeight));
}

/**
 * All of the bound but the likelihood of what is seen: that of the latents under decoder and prior, and their entropies,
 * minus the KL divergence in all.
 *
 * @param generative what predicts each layer of the encoder from the one above it, the lowest first, and the prior
 */
export function latentTerms(
  encoder: Network,
  { layers, prior }: Decoder,
  form: NonNullable<ElboOptions["entropy"]>,
  weight?: Readonly<Weight>,
): Objective {
  const predictions = [...layers, prior].map((linear, l) => {
    const eta = encoder.layers[l].kind === "softmax" ? choiceLogLikelihood : logLikelihood;
    return componentsObjective(encoder, linear, eta, { target: l, weight });
  });
  const entropies = encoder.layers.map((layer, l) => {
    const name = `entropy.${l}`;
    const [analytic, sampled] =
      layer.kind === "softmax" ? [choiceEntropy, choiceSurprisal] : [entropy, surprisal];
    return form === "analytic"
      ? componentsObjective(encoder, layer, analytic, { name, weight })
      : componentsObjective(encoder, layer, sampled, { name, target: l, weight });
  });
  return sumOf(...predictions, ...entropies);
}
