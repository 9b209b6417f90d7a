/** What a run has learned, as a graph that other runtimes run: docs/export.md says what goes in and comes out. */
import { InputError } from "flipnet/internal/formats/errors";
import { nearest } from "flipnet/internal/formats/nearest";
import type { Tensor } from "flipnet/internal/formats/safetensors";
import { decoderParameters } from "flipnet/internal/objectives/elbo";
import type { Learned } from "flipnet/internal/tasks/definition";
import { writeBlocks } from "flipnet/internal/training/parameters";
import { encodeOnnx } from "../formats/onnx.ts";
import type { OnnxGraph } from "../onnx/builder.ts";
import { networkGraph } from "../onnx/network.ts";
import { type DrawOptions, graphKinds } from "../onnx/units.ts";
import { type VaePart, vaeGraph, vaeParts } from "../onnx/vae.ts";
import { packageVersion } from "../running/environment.ts";
import { learnedBy } from "../running/learned.ts";
import type { Config } from "../settings/config.ts";
import { checkpointOf, type Exporter, type ExportRequest, placeOf } from "./exporter.ts";

export const onnxExporter: Exporter = {
  several: false,
  options: ["graph", "part", "seed", "bernoulliOp"],
  mark: "flipnet",
  async files([run], request) {
    const { config } = run;
    const draws = drawsOf(request);
    const part = oneOf("--part", vaeParts, request.part);
    const { tensors, about } = await checkpointOf(run);
    const learned = await learnedBy(config, tensors);
    if (request.part !== undefined && learned.decoder === undefined) {
      throw new InputError(
        `--part is of auto-encoders; ${run.folder} is a run of the task "${config.task}", whose network is whole`,
      );
    }
    const content = encodeOnnx({
      ...(await graphOf(learned, tensors, { ...draws, part })),
      name: `flipnet.${config.task}`,
      doc: docOf(config, draws, learned.decoder && part),
      producer: { name: "flipnet", version: packageVersion() },
      metadata: {
        graph: draws.graph,
        ...(learned.decoder && { part }),
        ...about,
      },
    });
    return [{ path: placeOf(request, "model.onnx"), content }];
  },
};

function drawsOf({ graph: given, seed, bernoulliOp }: ExportRequest): DrawOptions {
  const graph = oneOf("--graph", graphKinds, given);
  for (const [flag, value] of Object.entries({ "--seed": seed, "--bernoulli-op": bernoulliOp })) {
    if (value !== undefined && graph !== "sample") {
      throw new InputError(`${flag} is of the graph "sample", which draws; --graph is "${graph}"`);
    }
  }
  return { graph, seed, bernoulliOp };
}

/** One of a flag's words; the first one where none is given. */
function oneOf<Word extends string>(flag: string, words: readonly Word[], given: string = words[0]): Word {
  const word = words.find((known) => known === given);
  if (word !== undefined) return word;
  const near = nearest(given, words);
  const hint = near === undefined ? "" : `: did you mean "${near}"?`;
  throw new InputError(`${flag} is ${JSON.stringify(given)}; expected one of ${words.join(", ")}${hint}`);
}

/** A run's network as a graph. */
async function graphOf(
  { network, decoder, input }: Learned,
  tensors: Record<string, Tensor>,
  { part, ...draws }: DrawOptions & { part: VaePart },
): Promise<OnnxGraph> {
  const drawing = decoder === undefined ? [] : decoderParameters(decoder);
  const parts = [...network.layers, ...drawing, ...(network.front?.parameters ?? [])];
  const blocks = parts.map(({ block }) => block);
  writeBlocks(network.backend, parts, "", blocks, { ...tensors });
  return decoder === undefined
    ? networkGraph(network, { ...draws, input })
    : vaeGraph({ encoder: network, decoder }, { ...draws, part });
}

/** What the file is, for whoever opens it. */
function docOf({ task, estimator }: Config, { graph, bernoulliOp }: DrawOptions, part?: VaePart): string {
  const what =
    part === undefined ? `a network for the task "${task}"` : `the ${part} of a variational auto-encoder`;
  const how = {
    sample: "Every run draws anew, with the runtime's random numbers.",
    noise: "All draws are made with the uniform numbers that it is given.",
    "mean-field": "Nothing is drawn: probabilities stand in place of outcomes.",
  }[graph];
  const warning = bernoulliOp ? " Runtimes that expand the Bernoulli operation may draw its complement." : "";
  return `${what} of discrete stochastic units, trained with ${estimator} by flipnet. ${how}${warning}`;
}
