/**
 * Graphs of networks, in ONNX Runtime, against the project's own pass. A uniform number between the two programs' roundings
 * of a probability would part them; how rare that is, a test below says. It does not happen with the seeds used here, and
 * both programs give the same bits on every machine.
 */

import type { ImmediateBackend } from "flipnet/internal/backend/backend";
import { createReferenceBackend } from "flipnet/internal/backend/reference";
import { createWasmBackend } from "flipnet/internal/backend/wasm";
import { convolutions } from "flipnet/internal/front-ends/convolutions";
import { denseFrontEnd } from "flipnet/internal/front-ends/dense";
import { GivenDraws } from "flipnet/internal/network/draws";
import {
  createNetwork,
  initialiseWeights,
  type Network,
  type NetworkSpec,
} from "flipnet/internal/network/network";
import { computeLaw, createPass, type Pass, samplePass } from "flipnet/internal/network/pass";
import { beforeAll, describe, expect, test } from "vitest";
import { matrixOf, mixedNetwork, numbers } from "../../../flipnet/test/helpers.ts";
import { GraphBuilder } from "../../src/onnx/builder.ts";
import { networkGraph } from "../../src/onnx/network.ts";
import { meansOf } from "./means.ts";
import { differences, load, modelOf, shapesOfNothing } from "./session.ts";

const reference = createReferenceBackend();
let portable: ImmediateBackend;
beforeAll(async () => {
  portable = await createWasmBackend({ kernels: "portable" });
});

const bernoulli = (units: number) => ({ kind: "bernoulli" as const, units });
const softmax = (units: number, choices: number) => ({ kind: "softmax" as const, units, choices });
const chain = (units: NetworkSpec["units"], inputKind?: NetworkSpec["inputKind"]): NetworkSpec => ({
  inputs: 40,
  ...(inputKind && { inputKind }),
  units,
  layers: [bernoulli(50), bernoulli(30), softmax(1, 10)],
});
const images = { shape: [7, 6, 2], channels: [3, 4] };

/** Everything a network can be; `images` says that the graph binarises its input. */
const networks: Record<string, { spec: NetworkSpec; images?: true; convolved?: true }> = {
  "a chain of {-1,+1} units on images": { spec: chain("plus-minus"), images: true },
  "a chain of {0,1} units on bits": { spec: chain("zero-one") },
  "a multiplexer's": {
    spec: { ...chain("plus-minus", "signs"), layers: [bernoulli(50), bernoulli(30), bernoulli(1)] },
  },
  "softmax units, skip connections, several parents": { spec: mixedNetwork },
  "layers of softmax units alone": {
    spec: { inputs: 20, units: "zero-one", layers: [softmax(30, 4), softmax(12, 7), softmax(1, 5)] },
  },
  "real features": { spec: chain("plus-minus", "real") },
  "logits of the first layer": {
    spec: { ...chain("plus-minus", "logits"), inputs: 50 },
  },
  "no hidden layers": { spec: { inputs: 30, units: "plus-minus", layers: [softmax(1, 3)] } },
  convolutions: {
    spec: { ...chain("plus-minus", "real"), inputs: 3 * 2 * 4 },
    images: true,
    convolved: true,
  },
};

/** Random weights of a size that makes units of all kinds of minds, float32 on every backend. */
function build(backend: ImmediateBackend, { spec, convolved }: (typeof networks)[string]): Network {
  const front = convolved && convolutions(backend, images);
  const network = createNetwork(backend, spec, front);
  const parts = [...network.layers, ...(front?.parameters ?? [])];
  initialiseWeights(backend, parts, 5);
  parts.forEach(({ block, width }, part) => {
    const bias = numbers(part, width);
    const values = backend.readNow(block).map((w) => 2 * w);
    values.set(bias, values.length - width);
    backend.write(block, values.map(Math.fround));
  });
  return network;
}

/** Names of layers in a graph. */
const nameOf = ({ layers }: Network, l: number) => (l === layers.length - 1 ? "action" : `hidden.${l}`);

/** What goes in, and what the network sees of it. */
function inputs({ inputs, spec }: Network, { images }: (typeof networks)[string], rows: number) {
  const count = rows * inputs;
  const u = numbers(77, count, 0, 1);
  if (images) {
    const intensities = numbers(78, count, 0, 256).map((x) => Math.fround(Math.floor(x) / 255));
    return { given: intensities, noise: u, seen: intensities.map((x, e) => (u[e] < x ? 1 : 0)) };
  }
  const isReal = spec.inputKind === "real" || spec.inputKind === "logits";
  const given = isReal ? u.map((x) => Math.fround(2 * x - 1)) : u.map((x) => (x < 0.5 ? 1 : 0));
  return { given, seen: given };
}

/** What a layer shows its children; the outputs' coding. */
const shown = (network: Network, l: number, bits: ArrayLike<number>) =>
  network.layers[l].kind === "bernoulli" && network.spec.units === "plus-minus"
    ? Array.from(bits, (bit) => 2 * bit - 1)
    : Array.from(bits);

/** Log-probabilities of all actions from a pass's logits. */
function logProbabilities(network: Network, { layers }: Pass): number[] {
  const { kind, logits } = layers[layers.length - 1];
  const l = (network.backend as ImmediateBackend).readNow(logits);
  const columns = kind === "softmax" ? logits.columns : 2;
  const all = kind === "softmax" ? [...l] : [...l].flatMap((x) => [0, x]);
  return all.map((x, e) => {
    const row = all.slice(e - (e % columns), e - (e % columns) + columns);
    const largest = Math.max(...row);
    return x - largest - Math.log(row.reduce((sum, y) => sum + Math.exp(y - largest), 0));
  });
}

describe("with the noise given, every unit does what it does here:", () => {
  const rows = 200;
  test.each(Object.keys(networks))("%s", async (name) => {
    const network = build(portable, networks[name]);
    const { layers } = network;
    const { given, noise, seen } = inputs(network, networks[name], rows);
    const uniforms = layers.map(({ units }, l) => matrixOf(portable, rows, numbers(l, rows * units, 0, 1)));
    const pass = createPass(network, matrixOf(portable, rows, seen));
    samplePass(pass, new GivenDraws(({ layer }) => uniforms[layer.index]));

    const input = noise === undefined ? "numbers" : "images";
    const run = await load(modelOf(await networkGraph(network, { graph: "noise", input })));
    const noises = uniforms.map((u, l) => [`noise.${nameOf(network, l)}`, portable.readNow(u)]);
    const found = await run(
      { input: given, ...(noise && { "noise.input": noise }), ...Object.fromEntries(noises) },
      rows,
    );

    layers.slice(0, -1).forEach((_, l) => {
      const did = shown(network, l, portable.readNow(pass.layers[l].bits));
      expect(differences(found[`hidden.${l}`], did)).toEqual([]);
    });
    const { bits, choices } = pass.layers[layers.length - 1];
    const acted = portable.readNow(bits);
    const actions = Array.from(found.action, (_, b) =>
      choices === 1 ? acted[b] : acted.subarray(b * choices, (b + 1) * choices).indexOf(1),
    );
    expect([...found.action]).toEqual(actions);
    // Both sides round sums of at most 90 float32 terms, and a logarithm: some dozens of roundings of 2^-24.
    const exact = logProbabilities(network, pass);
    const errors = [...found.logProbabilities].map(
      (log, e) => Math.abs(log - exact[e]) / (1 + Math.abs(exact[e])),
    );
    expect(Math.max(...errors)).toBeLessThan(4e-6);
  });
});

test.each(Object.entries(networks))("of no rows: %s", async (_, setting) => {
  const network = build(portable, setting);
  const { choices } = network.layers[network.layers.length - 1];
  const input = setting.images ? "images" : "numbers";
  for (const graph of ["noise", "sample", "mean-field"] as const) {
    const shapes = await shapesOfNothing(modelOf(await networkGraph(network, { graph, input })));
    expect(shapes).toMatchObject({ action: [0], logProbabilities: [0, Math.max(2, choices)] });
  }
});

test("with the highest noise, softmax units make their last choice, whatever rounding leaves of probabilities' sum", async () => {
  const rows = 200;
  const network = build(portable, networks["layers of softmax units alone"]);
  const run = await load(modelOf(await networkGraph(network, { graph: "noise", input: "numbers" })));
  const input = numbers(1, rows * 20, 0, 1).map((u) => (u < 0.5 ? 1 : 0));
  const highest = (units: number) => new Array(rows * units).fill(1 - 2 ** -24);
  const found = await run(
    { input, "noise.hidden.0": highest(30), "noise.hidden.1": highest(12), "noise.action": highest(1) },
    rows,
  );
  const last = (units: number, choices: number) =>
    Array.from({ length: rows * units * choices }, (_, e) => (e % choices === choices - 1 ? 1 : 0));
  expect(differences(found["hidden.0"], last(30, 4))).toEqual([]);
  expect(differences(found["hidden.1"], last(12, 7))).toEqual([]);
  expect([...found.action]).toEqual(new Array(rows).fill(4));
});

describe("the mean-field graph is the reference's, probabilities in place of bits:", () => {
  const rows = 20;
  test.each(Object.keys(networks))("%s", async (name) => {
    const network = build(reference, networks[name]);
    const { layers } = network;
    const { given, noise } = inputs(network, networks[name], rows);
    const pass = meansOf(network, given, rows);

    const input = noise === undefined ? "numbers" : "images";
    const run = await load(modelOf(await networkGraph(network, { graph: "mean-field", input })));
    const found = await run({ input: given }, rows);
    const means = layers
      .slice(0, -1)
      .map((_, l) => [[...found[`hidden.${l}`]], shown(network, l, reference.readNow(pass.layers[l].p))]);
    const logs = logProbabilities(network, pass);
    for (const [mean, exact] of [...means, [[...found.logProbabilities], logs]]) {
      const errors = mean.map((value, e) => Math.abs(value - exact[e]) / (1 + Math.abs(exact[e])));
      expect(Math.max(...errors)).toBeLessThan(4e-6);
    }
    const actions = logs.length / rows;
    const best = Array.from({ length: rows }, (_, b) => logs.slice(b * actions, (b + 1) * actions)).map(
      (row) => row.indexOf(Math.max(...row)),
    );
    expect([...found.action]).toEqual(best);
  });
});

test("a uniform number lies between the roundings of both programs in less than one of 10 million draws", async () => {
  const rows = 200;
  const network = build(portable, networks["a chain of {0,1} units on bits"]);
  const input = numbers(1, rows * 40, 0, 1).map((u) => (u < 0.5 ? 1 : 0));
  const pass = createPass(network, matrixOf(portable, rows, input));
  computeLaw(pass, network.layers[0]);
  const run = await load(modelOf(await networkGraph(network, { graph: "mean-field", input: "numbers" })));
  const theirs = (await run({ input }, rows))["hidden.0"];
  const ours = portable.readNow(pass.layers[0].p);
  const apart = ours.reduce((sum, p, e) => sum + Math.abs(p - theirs[e]), 0) / ours.length;
  expect(apart).toBeLessThan(1e-7);
});

describe("a graph that samples", () => {
  const rows = 5_000;

  /**
   * Standard scores of what a layer did in `rows` draws: of sums over them of what a unit did less its probability, given
   * what its parents did; and of the same over those rows in which the unit at the same place of the layer before was on,
   * which is where noise that two layers share would show.
   */
  function scores({ layers }: Network, found: Record<string, Float64Array>, pass: Pass): number[] {
    return layers.flatMap((layer, l) => {
      computeLaw(pass, layer);
      const { p, bits } = pass.layers[l];
      const oneHot = (action: number) =>
        Array.from({ length: layer.width }, (_, a) => (a === action ? 1 : 0));
      const did =
        l === layers.length - 1
          ? [...found.action].flatMap(oneHot)
          : Array.from(found[`hidden.${l}`], (x) => (x > 0 ? 1 : 0));
      reference.write(bits, did);
      const law = reference.readNow(p);
      const before = l > 0 ? reference.readNow(pass.layers[l - 1].bits) : [];
      const { width: columns, choices } = layers[Math.max(0, l - 1)];

      return Array.from({ length: layer.width }, (_, j) => {
        const beside = Math.floor(j / layer.choices) * choices;
        return [() => true, ...(l > 0 ? [(b: number) => before[b * columns + beside] === 1] : [])].map(
          (counts) => {
            let [sum, variance] = [0, 0];
            for (let b = 0; b < rows; b++) {
              if (!counts(b)) continue;
              const probability = law[b * layer.width + j];
              sum += did[b * layer.width + j] - probability;
              variance += probability * (1 - probability);
            }
            return Math.abs(sum) / Math.sqrt(variance);
          },
        );
      }).flat();
    });
  }

  // Layers of as many units each, so that the same noise twice would be the same for both.
  const network = build(reference, {
    spec: {
      inputs: 5,
      units: "plus-minus",
      layers: [
        bernoulli(6),
        { ...softmax(6, 3), parents: [0, "input"] },
        { ...bernoulli(6), parents: [0, 1] },
        softmax(1, 4),
      ],
    },
  });
  const input = [1, 0, 1, 1, 0];
  const repeated = Array.from({ length: rows }, () => input).flat();
  const sample = async (options: { seed?: number; bernoulliOp?: boolean }) => {
    const graph = await networkGraph(network, { graph: "sample", input: "numbers", ...options });
    return (await load(modelOf(graph)))({ input: repeated }, rows);
  };

  // Of 62 scores, a correct graph has one above 7.5 with a probability below 62 * 6.4e-14 < 1e-11; were outcomes turned
  // around, the score of a unit with p = 0.4 would be 29. With its seed, the runtime draws the same every time.
  const most = 7.5;

  test("draws what the units' laws say, each layer with noise of its own", async () => {
    const found = await sample({ seed: 1 });
    const all = scores(network, found, createPass(network, matrixOf(reference, rows, repeated)));
    expect(all).toHaveLength(6 + 2 * (18 + 6 + 4));
    expect(Math.max(...all)).toBeLessThan(most);
  });

  test("repeats with its seed, not with another; ONNX Runtime 1.30 repeats within a process without one too", async () => {
    const seeds = [3, 3, 4, undefined, undefined];
    const [first, again, other, free, freeAgain] = await Promise.all(
      seeds.map(async (seed) => (await sample(seed === undefined ? {} : { seed })).action.join("")),
    );
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    expect(freeAgain).toBe(free);
  });

  test("without seeds, ONNX Runtime 1.30 begins all layers with nearly the same number", async () => {
    const graph = new GraphBuilder();
    const like = graph.input("like", "float", ["batch", 3], "");
    for (const name of ["one", "other"]) {
      graph.output(name, graph.apply("RandomUniformLike", name, [like]), "float", ["batch", 3], "");
    }
    const { one, other } = await (await load(modelOf(graph)))({ like: [0, 0, 0] }, 1);
    const apart = Array.from(one, (u, i) => Math.abs(u - other[i])).map((d) => Math.min(d, 1 - d));
    expect(apart[0]).toBeLessThan(1e-4);
    expect(apart[1]).toBeGreaterThan(1e-2);
  });

  test("with the Bernoulli operation, ONNX Runtime 1.30 draws the complement: the reason for the other form", async () => {
    const found = await sample({ seed: 1, bernoulliOp: true });
    const p = (() => {
      const pass = createPass(network, matrixOf(reference, 1, input));
      computeLaw(pass, network.layers[0]);
      return reference.readNow(pass.layers[0].p);
    })();
    p.forEach((probability, j) => {
      let on = 0;
      for (let b = 0; b < rows; b++) on += found["hidden.0"][b * 6 + j] > 0 ? 1 : 0;
      const deviation = Math.sqrt(rows * probability * (1 - probability));
      expect(Math.abs(on - rows * (1 - probability))).toBeLessThan(most * deviation);
    });
  });

  test("binarises images, and leaves bits as they are", async () => {
    const spec: NetworkSpec = { inputs: 6, units: "zero-one", layers: [bernoulli(6), softmax(1, 2)] };
    const copying = createNetwork(reference, spec);
    // A unit a pixel that is on with its pixel, surely.
    const [{ parents, bias }] = copying.layers;
    for (let i = 0; i < 6; i++) reference.write(parents[0].weights, [200], 7 * i);
    reference.write(bias, new Array(6).fill(-100));
    const run = await load(
      modelOf(await networkGraph(copying, { graph: "sample", input: "images", seed: 1 })),
    );
    const pixels = [0, 1, 0.1, 0.3, 0.6, 0.9];
    const found = await run({ input: Array.from({ length: rows }, () => pixels).flat() }, rows);
    pixels.forEach((x, i) => {
      let on = 0;
      for (let b = 0; b < rows; b++) on += found["hidden.0"][6 * b + i];
      expect(Math.abs(on - rows * x)).toBeLessThanOrEqual(most * Math.sqrt(rows * x * (1 - x)));
    });
  });
});

describe("what makes no graph is refused in one sentence:", () => {
  test("several output units", async () => {
    const spec: NetworkSpec = { inputs: 2, units: "zero-one", layers: [bernoulli(3)] };
    const graph = networkGraph(createNetwork(reference, spec), { graph: "sample", input: "numbers" });
    await expect(graph).rejects.toThrow("the network has 3 output units; expected one, which is the action");
  });

  test("another front end than convolutions or rectifiers", async () => {
    const front = denseFrontEnd(reference, { inputs: 2, hidden: [], outputs: 2 });
    const spec: NetworkSpec = { inputs: 2, inputKind: "real", units: "zero-one", layers: [softmax(1, 2)] };
    const graph = networkGraph(createNetwork(reference, spec, front), { graph: "sample", input: "numbers" });
    await expect(graph).rejects.toThrow(
      "the front end's parameters are [dense.0]; expected those of convolutions, or of rectifiers, alone",
    );
  });
});
