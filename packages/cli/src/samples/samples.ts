/** What the auto-encoder of a run draws, on a sheet. */
import { InputError } from "flipnet/internal/formats/errors";
import type { LabelledImages } from "flipnet/internal/formats/labelled-images";
import { hiddenName, hiddenSpec } from "flipnet/internal/network/hidden";
import { deriveKey, newKey, permutation } from "flipnet/internal/random/threefry";
import { tasks } from "flipnet/internal/tasks/registry";
import { reconstruct, sampleImages } from "flipnet/internal/tasks/vae-images";
import { loadVae } from "flipnet/internal/training/vae";
import { loadLabelledImages } from "flipnet/node";
import { readCheckpoint } from "../running/checkpoint.ts";
import { readRun, runFiles, type StoredRun } from "../running/run-folder.ts";
import { createBackend } from "../running/workload.ts";
import { taskOf } from "../settings/config.ts";
import { titleOf } from "../settings/estimator.ts";
import type { Sheet } from "./contact-sheet.ts";

/** How many images to draw, and which. */
export interface SampleOptions {
  /** Images to generate. */
  count: number;
  /** Images in a row, and test images to reconstruct. */
  columns: number;
  seed: number;
}

/**
 * Images that the auto-encoder of a run generates, as probabilities and as sampled pixels, and test images with their
 * reconstructions.
 *
 * @throws InputError for a folder that holds no run of a task that can draw, for one without a checkpoint, and where its data
 * is no longer there
 */
export async function sampleRun(folder: string, { count, columns, seed }: SampleOptions): Promise<Sheet> {
  const run = await readRun(folder);
  const { config } = run;
  const drawing = tasks.filter(({ draws }) => draws);
  if (!drawing.includes(taskOf(config))) {
    const names = drawing.map(({ name }) => `"${name}"`).join(" or ");
    throw new InputError(
      `${folder} is a run of the task "${config.task}"; expected ${names}, which can draw`,
    );
  }
  const files = runFiles(folder);
  const checkpoint = await readCheckpoint(files.checkpoint);
  if (checkpoint === undefined) {
    throw new InputError(`${folder} has no checkpoint yet; expected a run that was trained or stopped`);
  }
  const { test, digest } = await loadLabelledImages({ data: config.data });
  if (run.environment.dataDigest !== digest) {
    throw new InputError(`the data of ${folder} has changed; expected the images that the run learned from`);
  }
  const shape = test.shape!.length === 1 ? [1, ...test.shape!] : test.shape!;
  const [height, width, ...more] = shape.length === 3 && shape[2] === 1 ? shape.slice(0, 2) : shape;
  if (more.length > 0) {
    throw new InputError(
      `the images have the shape [${test.shape}]; expected height and width, to draw them`,
    );
  }

  const { kernels, threads, ...anyKernels } = config;
  const { units, hidden } = config;
  const vae = loadVae(await createBackend(anyKernels), checkpoint.tensors, { units, hidden });
  const generated = await sampleImages(vae, { count, seed });
  const images = chooseImages(test, columns, seed);
  const depths = [...new Set([1, config.hidden.length])];
  const returned = await Promise.all(depths.map((depth) => reconstruct(vae, images, { depth, seed })));

  const size = height * width;
  const rows = Array.from({ length: Math.ceil(count / columns) }, (_, i) => [
    i * columns * size,
    Math.min(count, (i + 1) * columns) * size,
  ]);
  return {
    title: "Drawn by coin flips",
    subtitle: describe(run),
    height,
    width,
    columns,
    sections: [
      {
        heading: "Out of nothing",
        note: "coins for the topmost layer, then layer by layer down to the pixels",
        groups: rows.map(([from, to]) => [
          { label: "probabilities", values: generated.probabilities.subarray(from, to) },
          { label: "sampled", values: generated.bits.subarray(from, to) },
        ]),
      },
      {
        heading: "Seen, and drawn again",
        note: "test images through the encoder and back, as probabilities",
        groups: [
          [
            { label: "seen", values: returned[0].seen },
            ...returned.map(({ probabilities }, i) => ({
              label: depths.length === 1 ? "drawn again" : `from layer ${depths[i]}`,
              values: probabilities,
            })),
          ],
        ],
      },
    ],
  };
}

/** Test images at random, but of each class in turn, one after the other. */
function chooseImages(
  { labels, images, pixels, classes, count }: LabelledImages,
  wanted: number,
  seed: number,
) {
  const order = permutation(deriveKey(seed, "images", 2, newKey()), new Uint32Array(count));
  const chosen: number[] = [];
  for (let i = 0; chosen.length < Math.min(wanted, count); i++) {
    const next = order.find((image) => labels[image] === i % classes && !chosen.includes(image));
    if (next !== undefined) chosen.push(next);
  }
  const bytes = new Uint8Array(chosen.length * pixels);
  chosen.forEach((image, i) => {
    bytes.set(images.subarray(image * pixels, (image + 1) * pixels), i * pixels);
  });
  return bytes;
}

/** What drew, and how well it knows the images. */
function describe({ config, records, summary }: StoredRun): string[] {
  const { hidden, estimator, baseline } = config;
  const names = hidden.map(hiddenName);
  const same = names.every((name) => name === names[0]);
  const layers = hidden.length === 1 ? "one layer" : `${hidden.length} layers`;
  const dice = hidden.some((layer) => hiddenSpec(layer).kind === "softmax");
  const coins = `${same ? names[0] : names.join(", ")} ${dice ? "coins and dice" : "coins"}${same ? "" : ", the image’s side first"}`;
  const rule = titleOf(estimator).title;
  const epochs = records.length === 1 ? "1 epoch" : `${records.length} epochs`;
  const bound = summary?.testBound;
  return [
    `A ${taskOf(config).title.toLowerCase()} with ${layers} of ${coins}${hidden.length > 1 && same ? " each" : ""}.`,
    `Trained by ${rule}${baseline === "none" ? "" : " with a running-average baseline"} for ${epochs}` +
      (typeof bound === "number" ? `; test bound ${bound.toFixed(2).replace("-", "−")} nats.` : "."),
  ];
}
