/**
 * Images that a discrete auto-encoder draws. Out of nothing, by ancestral sampling: the prior's coins for the topmost
 * layer, then each layer's from the one above it, down to the pixels. Or again: of an image that the encoder has seen.
 */
import type { Matrix, Outcome } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import type { FrontPass } from "../front-ends/front-end.ts";
import { sampleFrom } from "../network/laws.ts";
import type { Network } from "../network/network.ts";
import { computeLaw, computeLogits, createPass, type Pass } from "../network/pass.ts";
import { type Decoder, imageNetwork } from "../objectives/elbo.ts";
import { deriveKey, halfWordAt, type Key, newKey, siteKey } from "../random/threefry.ts";

/** An encoder and the decoder that learned with it: a `VariationalAutoEncoder`, or what `loadVae` gives. */
export interface Vae {
  readonly encoder: Network;
  readonly decoder: Decoder;
}

/** Images in the decoder's words, one a row, pixel by pixel. */
export interface DrawnImages {
  /** Probability of each pixel to be on; [count, pixels]. */
  probabilities: Float64Array;
  /** 1 for a pixel whose coin, flipped with that probability, was on, else 0; [count, pixels]. */
  bits: Uint8Array;
}

/** What was seen, and what came back. */
export interface ReconstructedImages extends DrawnImages {
  /** The binarised images, as the encoder saw them; [count, pixels]. */
  seen: Uint8Array;
}

/** Images out of nothing, a function of the seed; fewer of them are the first of more. */
export async function sampleImages(
  vae: Vae,
  { count = 1, seed = 0 }: { count?: number; seed?: number } = {},
): Promise<DrawnImages> {
  if (!isWhole(count, 1)) {
    throw new InputError(`the number of images is ${count}; expected a whole number from 1 on`);
  }
  const key = deriveKey(seed, "images", 0, newKey());
  return onCanvas(vae, count, (canvas) => decode(vae, canvas, vae.encoder.layers.length, key));
}

/**
 * Images as they come back from the code of the encoder's layer number `depth`, counted from 1: from the first layer's
 * (default) directly; from a higher one's through the layers between. `images` are bytes, [count, pixels], of which
 * pixels are made as in training.
 */
export async function reconstruct(
  vae: Vae,
  images: Uint8Array,
  { depth = 1, seed = 0 }: { depth?: number; seed?: number } = {},
): Promise<ReconstructedImages> {
  const { backend, inputs: pixels, layers } = vae.encoder;
  const count = images.length / pixels;
  if (!isWhole(count, 1)) {
    throw new InputError(`the images have ${images.length} bytes; expected a multiple of ${pixels} pixels`);
  }
  if (!isWhole(depth, 1, layers.length)) {
    throw new InputError(`the depth is ${depth}; expected a whole number from 1 to ${layers.length}`);
  }
  const key = deriveKey(seed, "images", 1, newKey());
  const seen = images.map((pixel, e) => {
    const u = halfWordAt(key, Math.floor(e / pixels), e % pixels);
    return 255 * u < 65536 * pixel ? 1 : 0;
  });
  return onCanvas(vae, count, async (canvas) => {
    const { pass } = canvas;
    backend.write(pass.input, seen);
    pass.front?.forward();
    for (const layer of layers.slice(0, depth)) {
      computeLaw(pass, layer);
      flip(canvas, layer.index, key, 1, pass.layers[layer.index]);
    }
    return { seen, ...(await decode(vae, canvas, depth - 1, key)) };
  });
}

/** Samples what linear map number `top` of decoder and prior predicts, then everything below. */
async function decode(
  { encoder: { backend }, decoder }: Vae,
  canvas: Canvas,
  top: number,
  key: Key,
): Promise<DrawnImages> {
  const { pass, image, drawing } = canvas;
  const linears = [...decoder.layers, decoder.prior];
  const predicted = [image, ...pass.layers];
  for (let l = top; l >= 0; l--) {
    const { kind, choices, logits, p, q } = predicted[l];
    if (l > 0 || drawing === undefined) computeLogits(pass, linears[l], logits);
    else {
      drawing.forward();
      backend.copy(drawing.output, logits);
    }
    if (kind === "bernoulli") backend.sigmoid(logits, p, q);
    else backend.softmax(logits, choices, p);
    flip(canvas, l, key, 0, predicted[l]);
  }
  const [probabilities, bits] = await Promise.all([backend.read(image.p), backend.read(image.bits)]);
  return { probabilities, bits: Uint8Array.from(bits) };
}

/** Flips the coins of a layer or of the pixels; throws the dice of softmax units. */
function flip({ pass, uniforms }: Canvas, place: number, key: Key, branch: number, outcome: Outcome): void {
  const { backend } = pass.network;
  const u = uniforms.get(outcome)!;
  backend.uniforms(siteKey(key, place, branch, newKey()), u);
  sampleFrom(backend, outcome, u);
}

/** Buffers to draw so many images at once. */
interface Canvas {
  pass: Pass;
  /** The pixels, as a layer that the decoder predicts. */
  image: Outcome;
  /** What predicts them, where that is no linear map. */
  drawing: FrontPass | undefined;
  uniforms: Map<Outcome, Matrix>;
}

/** Draws so many images, on buffers that are given back. */
async function onCanvas<T>(vae: Vae, count: number, draw: (canvas: Canvas) => Promise<T>): Promise<T> {
  const scope = vae.encoder.backend.scope();
  try {
    return await draw(scope.run(() => createCanvas(vae, count)));
  } finally {
    scope.release();
  }
}

function createCanvas({ encoder, decoder }: Vae, count: number): Canvas {
  const { backend, inputs } = encoder;
  const matrix = (width: number) => backend.matrix(count, width);
  const pass = createPass(encoder, matrix(inputs));
  const [logits, p, q, bits] = Array.from({ length: 4 }, () => matrix(inputs));
  const image: Outcome = { kind: "bernoulli", choices: 1, logits, p, q, bits };
  const uniforms = new Map(
    [image, ...pass.layers].map((outcome) => [outcome, matrix(outcome.p.columns / outcome.choices)]),
  );
  const drawing = imageNetwork(backend, decoder)?.prepare(pass.layers[0].bits);
  return { pass, image, drawing, uniforms };
}
