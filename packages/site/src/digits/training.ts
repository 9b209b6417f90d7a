/** An auto-encoder whose code is coins: trained, and asked what a code looks like. */
import type { ElboSpec } from "flipnet/internal/audit/elbo-spec";
import { fromBlock } from "flipnet/internal/audit/layout";
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { createWasmBackend } from "flipnet/internal/backend/wasm";
import { fHnca } from "flipnet/internal/estimators/f-hnca";
import { adam } from "flipnet/internal/optimizers/adam";
import { deriveKey, newKey, uniformAt } from "flipnet/internal/random/threefry";
import type { VariationalAutoEncoder } from "flipnet/internal/tasks/vae";
import type { Training } from "flipnet/internal/training/training";
import { createVaeTraining } from "flipnet/internal/training/vae";
import { count, learned, side } from "../shared/digits.ts";
import { learning } from "./spec.ts";

/** A training, how far, and an image with its code. */
export interface Question {
  readonly seed: number;
  readonly coins: number;
  readonly epochs: number;
  /** A digit's number, or pixels, row by row. */
  readonly image: number | readonly number[];
  readonly flip: number;
  readonly turned: readonly number[];
}

/** What the encoder and the decoder say. */
export interface Answer {
  readonly epochs: number;
  /** The evidence lower bound of every epoch so far, in nats an image, on the images that it learns from. */
  readonly elbo: readonly number[];
  readonly seen: readonly number[];
  /** Of each coin: how likely on, and what it did. */
  readonly p: readonly number[];
  readonly bits: readonly number[];
  /** [pixel] how likely it is on, given the code as it was turned. */
  readonly drawn: readonly number[];
  /** Encoder, decoder and prior as they stand, facing the digit that is shown, as the audit reads them. */
  readonly spec: ElboSpec;
}

const pixels = side * side;

interface Opened {
  readonly key: string;
  readonly training: Training;
  readonly elbo: number[];
}
let opened: Opened | undefined;

async function open({ seed, coins }: Question, images: Uint8Array): Promise<Opened> {
  const part = (first: number, last: number) => ({
    count: last - first,
    pixels,
    shape: [side, side],
    classes: 10,
    images: images.slice(first * pixels, last * pixels),
    labels: new Uint8Array(last - first),
  });
  const backend = await createWasmBackend({ kernels: "portable" }).catch(() => createReferenceBackend());
  const { learningRate, batchSize, outputBias } = learning;
  const training = createVaeTraining(
    backend,
    { train: part(0, learned), test: part(learned, count) },
    {
      estimator: fHnca,
      optimizer: adam({ learningRate }),
      hidden: [coins],
      batchSize,
      seed,
      outputBias,
      evaluateEvery: 1_000_000,
    },
  );
  return { key: JSON.stringify([seed, coins]), training, elbo: [] };
}

const sigmoid = (l: number): number => 1 / (1 + Math.exp(-l));

/** Every draw is a function of the seed: the same question, the same answer. `images`: [count, pixels], 0 or 255. */
export async function answerTo(question: Question, images: Uint8Array): Promise<Answer> {
  const { seed, coins, epochs, image, flip, turned } = question;
  const key = JSON.stringify([seed, coins]);
  // The way back is the same way again.
  if (opened?.key !== key || opened.training.epoch > epochs) opened = await open(question, images);
  const { training, elbo } = opened;
  for await (const record of training.run(epochs)) elbo.push(Number(record.elbo));

  const { backend, decoder } = training.task as VariationalAutoEncoder;
  const [encoder] = training.learner.network.layers;
  const seen =
    typeof image === "number"
      ? Array.from(images.subarray(image * pixels, (image + 1) * pixels), (byte) => byte / 255)
      : Array.from({ length: pixels }, (_, e) => image[e] ?? 0);
  const toCode = fromBlock(await backend.read(encoder.block), coins);
  const p = toCode.bias.map((bias, j) =>
    sigmoid(seen.reduce((sum, pixel, e) => sum + pixel * toCode.weights[j][e], bias)),
  );
  const draws = deriveKey(seed, "images", flip, newKey());
  const bits = p.map((on, j) => {
    const bit = uniformAt(draws, j) < on ? 1 : 0;
    return turned[j] === 1 ? 1 - bit : bit;
  });
  const toPixels = fromBlock(await backend.read(decoder.layers[0].block), pixels);
  const drawn = toPixels.bias.map((bias, e) =>
    sigmoid(bits.reduce((sum, bit, j) => sum + bit * toPixels.weights[e][j], bias)),
  );
  const prior = Array.from(await backend.read(decoder.prior.bias));
  const spec: ElboSpec = { encoder: [toCode], decoder: [toPixels], prior, images: [seen] };
  return { epochs, elbo: elbo.slice(0, epochs), seen, p, bits, drawn, spec };
}
