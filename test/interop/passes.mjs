/** What flipnet's own passes make of random inputs and noise, with the networks that runs have learned. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRun } from "../../packages/cli/dist/index.js";
import { readCheckpoint } from "../../packages/cli/dist/running/checkpoint.js";
import { runFiles } from "../../packages/cli/dist/running/run-folder.js";
import { createBackend, loadWorkload } from "../../packages/cli/dist/running/workload.js";
import {
  createMeanPass,
  createNetwork,
  createPass,
  createReferenceBackend,
  elboObjective,
  encodeSafetensors,
  GivenDraws,
  runMeans,
  samplePass,
} from "../../packages/flipnet/dist/index.js";
import { computeLogits } from "../../packages/flipnet/dist/network/pass.js";
import { deriveKey, newKey, uniformAt } from "../../packages/flipnet/dist/random/threefry.js";
import { findTask } from "../../packages/flipnet/dist/tasks/registry.js";
import { loadVae } from "../../packages/flipnet/dist/training/vae.js";

/** Examples of a pass. */
const rows = 60;

/**
 * Writes `noise.safetensors` and `mean-field.safetensors` into `out`: what goes into the graphs of these names
 * (docs/export.md), as `in:NAME`, and what has to come out, as `out:NAME`.
 */
export async function writePasses(folder, out) {
  const { config } = await readRun(folder);
  const { tensors } = await readCheckpoint(runFiles(folder).checkpoint);
  const passes = { noise: await withNoise(config, tensors), "mean-field": await meanField(config, tensors) };
  for (const [graph, { into, from }] of Object.entries(passes)) {
    const named = (prefix, dtype, type, values) =>
      Object.entries(values).map(([name, value]) => {
        return [`${prefix}:${name}`, { dtype, shape: [rows, value.length / rows], data: type.from(value) }];
      });
    const all = [...named("in", "F32", Float32Array, into), ...named("out", "F64", Float64Array, from)];
    writeFileSync(join(out, `${graph}.safetensors`), encodeSafetensors(Object.fromEntries(all)));
  }
}

const key = deriveKey(1, "test", 0, newKey());
let drawn = 0;
/** Uniform numbers of 24 bits. */
const uniforms = (columns) => Float32Array.from({ length: rows * columns }, () => uniformAt(key, drawn++));

/** The network that was learned, on a backend, and the decoder of an auto-encoder. */
async function restore(backend, config, tensors) {
  if (config.task === "vae") {
    const { units, hidden } = config;
    const { encoder, decoder } = loadVae(backend, tensors, { units, hidden });
    return { network: encoder, decoder };
  }
  const { training } = await (await loadWorkload(config)).prepare(backend);
  training.restore(tensors);
  return { network: training.learner.network };
}

function matrixOf(backend, values) {
  const matrix = backend.matrix(rows, values.length / rows);
  backend.write(matrix, values);
  return matrix;
}

/** What hidden layers show their children, bits or their probabilities being given by layer. */
async function hiddenOf({ backend, layers, spec }, values, count) {
  const shown = {};
  for (const [l, { kind }] of layers.slice(0, count).entries()) {
    const numbers = await backend.read(values(l));
    const isSigned = kind === "bernoulli" && spec.units === "plus-minus";
    shown[`hidden.${l}`] = isSigned ? numbers.map((x) => 2 * x - 1) : numbers;
  }
  return shown;
}

/** Log-probabilities of all actions, given the output's logits; of one unit: off and on. */
async function logProbabilitiesOf(backend, { kind, logits }) {
  const values = [...(await backend.read(logits))];
  const all = kind === "softmax" ? values : values.flatMap((l) => [0, l]);
  const actions = all.length / rows;
  return all.map((l, e) => {
    const row = all.slice(e - (e % actions), e - (e % actions) + actions);
    return l - Math.log(row.reduce((sum, other) => sum + Math.exp(other), 0));
  });
}

const indicesBy = (values, better) => {
  const columns = values.length / rows;
  return Array.from({ length: rows }, (_, b) => {
    const row = [...values.slice(b * columns, (b + 1) * columns)];
    return row.indexOf(row.reduce((best, x) => (better(x, best) ? x : best)));
  });
};

/** Probabilities of pixels below a pass. */
async function pixelsOf(pass, decoder) {
  const { backend } = pass.network;
  const logits = backend.matrix(rows, decoder.layers[0].width);
  computeLogits(pass, decoder.layers[0], logits);
  return (await backend.read(logits)).map((l) => 1 / (1 + Math.exp(-l)));
}

async function withNoise(config, tensors) {
  const backend = await createBackend(config);
  const { network, decoder } = await restore(backend, config, tensors);
  const { layers, inputs } = network;
  const nameOf = (l) => (decoder === undefined && l === layers.length - 1 ? "action" : `hidden.${l}`);

  const images = findTask(config.task).data === "images";
  const pixel = (u) => Math.floor(256 * u) / 255;
  const number = network.inputCoding === "real" ? (u) => 2 * u - 1 : (u) => +(u < 0.5);
  const given = uniforms(inputs).map(images ? pixel : number);
  const pixelNoise = uniforms(inputs);
  const seen = images ? given.map((x, e) => +(pixelNoise[e] < x)) : given;
  const noise = layers.map(({ units }) => uniforms(units));
  const matrices = noise.map((u) => matrixOf(backend, u));
  const pass = createPass(network, matrixOf(backend, seen));
  samplePass(pass, new GivenDraws(({ layer }) => matrices[layer.index]));

  const into = {
    input: given,
    ...(images && { "noise.input": pixelNoise }),
    ...Object.fromEntries(noise.map((u, l) => [`noise.${nameOf(l)}`, u])),
  };
  const count = decoder === undefined ? layers.length - 1 : layers.length;
  const hidden = await hiddenOf(network, (l) => pass.layers[l].bits, count);
  if (decoder === undefined) {
    const last = pass.layers[layers.length - 1];
    const bits = await backend.read(last.bits);
    const action = last.kind === "softmax" ? indicesBy(bits, (x, best) => x > best) : bits;
    return { into, from: { ...hidden, action, logProbabilities: await logProbabilitiesOf(backend, last) } };
  }
  into["noise.image"] = uniforms(inputs);
  const probabilities = await pixelsOf(pass, decoder);
  const image = probabilities.map((p, e) => +(into["noise.image"][e] < p));
  const elbo = new Float64Array(rows);
  for (const { evaluate, value } of elboObjective(network, { entropy: "sampled", decoder }).prepare(pass)
    .components) {
    evaluate();
    (await backend.read(value)).forEach((term, b) => {
      elbo[b] += term;
    });
  }
  return { into, from: { ...hidden, probabilities, image, elbo } };
}

/** A pass of means on inputs that are means themselves, in place of bits. */
function meansOf(learned, input) {
  const { backend, spec, layers, front, inputCoding } = learned;
  const real = front === undefined && inputCoding !== "real";
  const network = real ? createNetwork(backend, { ...spec, inputKind: "real" }) : undefined;
  for (const { index, block } of network?.layers ?? []) backend.copy(layers[index].block, block);
  const values = real && inputCoding === "plus-minus" ? input.map((x) => 2 * x - 1) : input;
  const pass = createPass(network ?? learned, matrixOf(backend, values));
  pass.front?.forward();
  const means = createMeanPass(pass);
  runMeans(means);
  return means;
}

/** In float64: wasm's products are of bits. */
async function meanField(config, tensors) {
  const backend = createReferenceBackend();
  const { network, decoder } = await restore(backend, config, tensors);
  const { layers, inputs } = network;
  const input = uniforms(inputs);
  const pass = meansOf(network, input);
  const count = decoder === undefined ? layers.length - 1 : layers.length;
  const hidden = await hiddenOf(network, (l) => pass.layers[l].p, count);
  if (decoder !== undefined)
    return { into: { input }, from: { ...hidden, probabilities: await pixelsOf(pass, decoder) } };
  const logProbabilities = await logProbabilitiesOf(backend, pass.layers[layers.length - 1]);
  const action = indicesBy(logProbabilities, (x, best) => x > best);
  return { into: { input }, from: { ...hidden, action, logProbabilities } };
}
