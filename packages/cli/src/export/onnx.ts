/** What a run has learned, as a graph that other runtimes run: docs/export.md says what goes in and comes out. */
import type { Backend } from "flipnet/internal/backend/backend";
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { InputError } from "flipnet/internal/formats/errors";
import { nearest } from "flipnet/internal/formats/nearest";
import type { Tensor } from "flipnet/internal/formats/safetensors";
import { createNetwork, type Network } from "flipnet/internal/network/network";
import { banditNetwork } from "flipnet/internal/tasks/bandit";
import { multiplexerNetwork } from "flipnet/internal/tasks/multiplexer";
import { writeBlocks } from "flipnet/internal/training/parameters";
import { loadVae } from "flipnet/internal/training/vae";
import { loadLabelledImages } from "flipnet/node";
import { encodeOnnx } from "../formats/onnx.ts";
import type { OnnxGraph } from "../onnx/builder.ts";
import { networkGraph } from "../onnx/network.ts";
import { type DrawOptions, graphKinds } from "../onnx/units.ts";
import { type VaePart, vaeGraph, vaeParts } from "../onnx/vae.ts";
import { packageVersion } from "../running/environment.ts";
import { frontOf } from "../running/workload.ts";
import type { Config, ConfigOf } from "../settings/config.ts";
import { checkpointOf, type Exporter, type ExportRequest, placeOf } from "./exporter.ts";

export const onnxExporter: Exporter = {
  several: false,
  options: ["graph", "part", "seed", "bernoulliOp"],
  mark: "flipnet",
  async files([run], request) {
    const { config, runId } = run;
    const draws = drawsOf(request);
    if (request.part !== undefined && config.task !== "vae") {
      throw new InputError(
        `--part is of the task "vae"; ${run.folder} is a run of the task "${config.task}"`,
      );
    }
    const part = oneOf("--part", vaeParts, request.part);
    const { tensors, metadata } = await checkpointOf(run);
    const { step, version } = metadata;
    const content = encodeOnnx({
      ...(await graphOf(config, tensors, { ...draws, part })),
      name: `flipnet.${config.task}`,
      doc: docOf(config, draws, part),
      producer: { name: "flipnet", version: packageVersion() },
      metadata: {
        graph: draws.graph,
        ...(config.task === "vae" && { part }),
        runId,
        step,
        version,
        config: JSON.stringify(config),
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
  throw new InputError(`${flag} is "${given}"; expected one of ${words.join(", ")}${hint}`);
}

/** A run's network as a graph. */
async function graphOf(
  config: Config,
  tensors: Record<string, Tensor>,
  { part, ...draws }: DrawOptions & { part: VaePart },
): Promise<OnnxGraph> {
  const backend = createReferenceBackend();
  if (config.task === "vae") return vaeGraph(loadVae(backend, tensors, config), { ...draws, part });
  const [network, input] =
    config.task === "bandit"
      ? ([await createBanditNetwork(backend, config, tensors), "images"] as const)
      : ([createNetwork(backend, multiplexerNetwork(config)), "numbers"] as const);
  const parts = [...network.layers, ...(network.front?.parameters ?? [])];
  const blocks = parts.map(({ block }) => block);
  writeBlocks(backend, parts, "", blocks, tensors);
  return networkGraph(network, { ...draws, input });
}

/** Sizes are those of the tensors; the data is needed for the shape of images that convolutions see. */
async function createBanditNetwork(
  backend: Backend,
  config: ConfigOf<"bandit">,
  tensors: Record<string, Tensor>,
): Promise<Network> {
  const { convolutions, data, hidden, output } = config;
  const front = convolutions && frontOf(config, (await loadLabelledImages({ data })).train, backend);
  const sizeIn = (name: string, dimension: number) => {
    const size = tensors[name]?.shape[dimension];
    if (size !== undefined) return size;
    throw new InputError(`the checkpoint has no ${name}, which a run of this config has`);
  };
  const pixels = front?.inputs ?? sizeIn("layers.0.weights", 1);
  const classes = output === "bernoulli" ? 2 : sizeIn(`layers.${hidden.length}.bias`, 0);
  return createNetwork(backend, banditNetwork({ pixels, classes }, { ...config, front }), front);
}

/** What the file is, for whoever opens it. */
function docOf({ task, estimator }: Config, { graph, bernoulliOp }: DrawOptions, part: VaePart): string {
  const what =
    task === "vae" ? `the ${part} of a variational auto-encoder` : `a network for the task "${task}"`;
  const how = {
    sample: "Every run draws anew, with the runtime's random numbers.",
    noise: "All draws are made with the uniform numbers that it is given.",
    "mean-field": "Nothing is drawn: probabilities stand in place of outcomes.",
  }[graph];
  const warning = bernoulliOp ? " Runtimes that expand the Bernoulli operation may draw its complement." : "";
  return `${what} of discrete stochastic units, trained with ${estimator} by flipnet. ${how}${warning}`;
}
