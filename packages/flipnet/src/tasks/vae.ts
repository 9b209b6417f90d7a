/**
 * A discrete hierarchical variational auto-encoder on images (HNCA paper, section 2.2): maximise the evidence lower
 * bound of the binarised images. Every epoch the training images are shuffled and all images binarised anew (D-9), unless they are told not to be.
 */

import type { Backend, Matrix } from "../backend/backend.ts";
import { checkValues, count, counts, number, optionalFlag } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, pick, refuseUnknown } from "../formats/options.ts";
import { isCentre, rectifiedFrontEnd } from "../front-ends/rectified.ts";
import { type HiddenLayer, hiddenSpec } from "../network/hidden.ts";
import { createNetwork, type Network, type Units } from "../network/network.ts";
import { createDecoder, type Decoder, elboObjective } from "../objectives/elbo.ts";
import {
  AutoEncoder,
  type AutoEncoderOptions,
  autoEncoderCurves,
  autoEncoderMetrics,
  autoEncoderOptions,
  oneBoundSample,
} from "./auto-encoder.ts";
import { defineTask, type ImageData } from "./definition.ts";
import {
  type Binarisation,
  binariseOption,
  checkImageData,
  firstImages,
  ImageBatches,
  limitOption,
} from "./images.ts";

/** How the images are gone through and measured. */
export interface VaeOptions extends AutoEncoderOptions {
  /** Use only the first so many training and test images. */
  limit?: number | undefined;
  /** How pixels become bits, if not drawn anew each epoch (D-9). */
  binarise?: Binarisation | undefined;
  /** The last so many training images are left out, as validation images are; default none. */
  heldOut?: number | undefined;
  /** A learning rate of the prior's own; 0: it stays fair coins. Default: the optimizer's. */
  priorRate?: number | undefined;
  /**
   * The output's biases start at the logits of the training images' mean pixels, kept this far from 0 and 1. Default: they
   * start at 0.
   */
  outputBias?: number | undefined;
  /**
   * Units of leaky rectifiers between the image and the first layer, the image's side first, in the encoder and, the other
   * way round, in the decoder. The encoder's are its front end. Default: none.
   */
  nonlinear?: readonly number[] | undefined;
}

/** What the task is told, as data. */
const vaeOptions = {
  ...autoEncoderOptions,
  limit: limitOption,
  binarise: binariseOption,
  heldOut: count({
    least: 1,
    default: undefined,
    says: "leave out the last n training images, as validation images are",
  }),
  priorRate: number({
    from: 0,
    default: undefined,
    says: "a learning rate of the prior's own; 0: it stays fair coins",
  }),
  outputBias: number({
    from: 1e-6,
    to: 0.5,
    default: undefined,
    says: "the output's biases start at the mean pixels' logits, these kept so far from 0 and 1 (0.001)",
  }),
  nonlinear: counts({
    expected: "a list of numbers of units, each a whole number from 1 on",
    says: "leaky rectifiers between the image and the first layer, there and back, as in 200,200",
  }),
  centred: optionalFlag({ says: "subtract the mean pixels from what the encoder sees" }),
};

const { centred: _, ...taskOptions } = vaeOptions;
export const vaeOptionNames: Names<VaeOptions> = { ...taskOptions, batchSize: 1, seed: 1 };

/** Images as an auto-encoder's task, on a backend. */
export class VariationalAutoEncoder extends AutoEncoder {
  readonly decoder: Decoder;
  /** What starts at something else than it would. */
  readonly #initial: [Matrix, Float64Array][] = [];

  /**
   * `encoder` are layers over the pixels. A last batch that would not be full is left out of the
   * epoch.
   * @throws InputError for a batch, a number of samples or a limit that cannot be, or another encoder
   */
  constructor(encoder: Network, data: ImageData, all: VaeOptions) {
    refuseUnknown("VariationalAutoEncoder", vaeOptionNames, all);
    const { limit, binarise, heldOut, priorRate, outputBias, nonlinear, ...options } = all;
    const { backend } = encoder;
    const { batchSize, seed, ...given } = options;
    checkValues(vaeOptions, { ...given, binarise, heldOut, priorRate, outputBias, nonlinear });
    checkImageData(data, limit);
    if (encoder.inputs !== data.train.pixels) {
      throw new InputError(
        `the encoder has ${encoder.inputs} inputs; expected ${data.train.pixels}, one a pixel`,
      );
    }
    const train = Math.min(data.train.count, limit ?? Infinity) - (heldOut ?? 0);
    if (train < 1) {
      throw new InputError(`heldOut is ${heldOut}; expected fewer than the training images`);
    }
    const decoder = createDecoder(encoder, { priorRate, nonlinear });
    super(encoder, options, {
      train: new ImageBatches(backend, data.train, {
        ...{ part: "train", limit: train, copies: given.samples, binarise },
      }),
      test: new ImageBatches(backend, data.test, { part: "test", limit, binarise }),
      what: "images",
      boundOf: (entropy, klWeight) => elboObjective(encoder, { entropy, decoder, klWeight }),
    });
    const centre = encoder.front?.parameters.find(isCentre);
    if (outputBias !== undefined || centre !== undefined) {
      const means = meanPixels(data.train.images, data.train.pixels, train);
      if (outputBias !== undefined) this.#initial.push([decoder.layers[0].bias, logitsOf(means, outputBias)]);
      if (centre !== undefined) this.#initial.push([centre.block, means]);
    }
    this.decoder = decoder;
  }

  initialise(): void {
    for (const [matrix, values] of this.#initial) this.backend.write(matrix, values);
  }
}

/** How bright each pixel is in the mean, of the first images. */
function meanPixels(images: Uint8Array, pixels: number, count: number): Float64Array {
  const means = new Float64Array(pixels);
  for (let e = 0; e < count * pixels; e++) means[e % pixels] += images[e] / 255 / count;
  return means;
}

/** Logits of means that are kept `apart` from 0 and 1. By the engine's logarithm. */
const logitsOf = (means: Float64Array, apart: number): Float64Array =>
  means.map((mean) => {
    const p = Math.min(Math.max(mean, apart), 1 - apart);
    return Math.log(p) - Math.log1p(-p);
  });

/** What stands between the pixels and the encoder's layers. */
export interface EncoderFront {
  readonly nonlinear?: readonly number[] | undefined;
  /** Whether the mean pixels are subtracted first; whoever has the images writes them. */
  readonly centred?: boolean | undefined;
}

/** The encoder: layers over the pixels, or over what a front end makes of them. */
export function createEncoder(
  backend: Backend,
  pixels: number,
  hidden: readonly HiddenLayer[],
  units: Units,
  { nonlinear: widths = [], centred = false }: EncoderFront = {},
): Network {
  if (widths.length > 0) checkValues(vaeOptions, { nonlinear: widths });
  const layers = hidden.map(hiddenSpec);
  if (widths.length === 0 && !centred) return createNetwork(backend, { inputs: pixels, units, layers });
  const front = rectifiedFrontEnd(backend, { inputs: pixels, widths, centred, name: "encoder" });
  return createNetwork(backend, { inputs: front.outputs, inputKind: "real", units, layers }, front);
}

/** The variational auto-encoder. */
export const vae = defineTask({
  name: "vae",
  title: "Variational auto-encoder",
  says: "A network of coin flips sees an image and makes a code of it, from which another network draws it again.",
  offers: ["components", "evaluations", "slopes"],
  settings: vaeOptions,
  usual: { estimator: "f-hnca", hidden: [200], units: "zero-one", batchSize: 50, learningRate: 1e-4 },
  data: "images",
  length: "epochs",
  metrics: autoEncoderMetrics,
  curves: autoEncoderCurves,
  draws: true,
  note: "Bounds are in nats an image.",
  create(backend, settings, data) {
    const network = createEncoder(backend, data.train.pixels, settings.hidden, settings.units, settings);
    return { network, task: new VariationalAutoEncoder(network, data, pick(vaeOptionNames, settings)) };
  },
  cheap: oneBoundSample,
  cases: async (_, count, images) => ({ inputs: firstImages(await images(), count) }),
  async learned(backend, { hidden, units, nonlinear, centred }, shapeOf) {
    const pixels = shapeOf("decoder.0.bias")[0];
    const network = createEncoder(backend, pixels, hidden, units, { nonlinear, centred });
    return { network, decoder: createDecoder(network, { nonlinear }), input: "images" };
  },
});
