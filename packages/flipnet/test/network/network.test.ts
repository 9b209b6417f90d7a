import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { GeneratedDraws, GivenDraws } from "../../src/network/draws.ts";
import {
  createNetwork,
  initialiseWeights,
  type NetworkSpec,
  networkShapes,
} from "../../src/network/network.ts";
import { createPass, flipTables, partOfPass, samplePass } from "../../src/network/pass.ts";
import { matrixOf, mixedNetwork, numbers, randomProblem } from "../helpers.ts";

const backend = createReferenceBackend();

describe("a spec that makes no network is refused in one sentence", () => {
  const layer = { kind: "bernoulli", units: 3 } as const;
  const cases: [string, Partial<NetworkSpec>, RegExp][] = [
    ["no inputs", { inputs: 0 }, /0 inputs; expected a whole number/],
    ["no layers", { layers: [] }, /no layers/],
    ["a width of 0", { layers: [{ kind: "bernoulli", units: 0 }] }, /layer 0 has 0 units; expected/],
    ["a broken width", { layers: [{ kind: "bernoulli", units: 2.5 }] }, /layer 0 has 2.5 units/],
    ["one choice", { layers: [{ kind: "softmax", units: 1, choices: 1 }] }, /1 choices; expected at least 2/],
    ["a later parent", { layers: [{ ...layer, parents: [1] }, layer] }, /layer 0 has the parent 1; expected/],
    ["a parent twice", { layers: [layer, { ...layer, parents: [0, 0] }] }, /layer 1 has the parents \[0,0\]/],
    [
      "logits of another width",
      { inputKind: "logits" },
      /^layer 0 takes 4 logits as its input; expected the first layer, and as many as its 3 columns$/,
    ],
    [
      "logits of a later layer",
      {
        inputKind: "logits",
        layers: [
          { ...layer, units: 4 },
          { ...layer, parents: ["input", 0] },
        ],
      },
      /^layer 1 takes 4 logits as its input; expected the first layer/,
    ],
    [
      "no parents",
      { layers: [layer, { ...layer, parents: [] }] },
      /layer 1 has the parents \[\]; expected one/,
    ],
    ["units of another coding", { units: "plus_minus" as never }, /^units is "plus_minus"; expected one of/],
    [
      "inputs of another kind",
      { inputKind: "reals" as never },
      /^inputKind is "reals"; expected one of bits/,
    ],
    [
      "layers of another kind",
      { layers: [{ ...layer, kind: "sofmax" as never }] },
      /kind of layer 0 is "sofmax"/,
    ],
    ["a dead end", { layers: [layer, { ...layer, parents: ["input"] }] }, /layer 0 feeds no other layer/],
  ];
  test.each(cases)("%s", (_, change, message) => {
    expect(() =>
      createNetwork(backend, { inputs: 4, units: "zero-one", layers: [layer], ...change }),
    ).toThrow(message);
  });
});

test("the papers' networks have the papers' numbers of parameters", () => {
  const sizes = [1, 2, 3].map((hidden) => {
    const layers = [
      ...Array(hidden).fill({ kind: "bernoulli", units: 200 }),
      { kind: "softmax", units: 1, choices: 10 },
    ];
    return createNetwork(backend, { inputs: 784, units: "plus-minus", layers }).size;
  });
  expect(sizes).toEqual([159010, 199210, 239410]);
});

test("weights are Glorot-uniform over all parents, biases 0, a function of the seed and the layer", () => {
  const network = createNetwork(backend, mixedNetwork);
  initialiseWeights(backend, network.layers, 7);
  for (const { block, parents, width, bias } of network.layers) {
    const fanIn = parents.reduce((sum, { weights }) => sum + weights.rows, 0);
    const limit = Math.sqrt(6 / (fanIn + width));
    const weights = backend.readNow(block).subarray(0, fanIn * width);
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(limit);
    expect(Math.max(...weights)).toBeGreaterThan(limit / 2);
    expect(backend.readNow(bias).every((c) => c === 0)).toBe(true);
  }
  const first = backend.readNow(network.layers[0].block);
  initialiseWeights(backend, network.layers, 8);
  expect(backend.readNow(network.layers[0].block)).not.toEqual(first);
  initialiseWeights(backend, network.layers, 7);
  expect(backend.readNow(network.layers[0].block)).toEqual(first);
});

test("layers of one shape start from numbers of their own", () => {
  const layer = { kind: "bernoulli", units: 4 } as const;
  const network = createNetwork(backend, { inputs: 4, units: "zero-one", layers: [layer, layer, layer] });
  initialiseWeights(backend, network.layers, 7);
  const drawn = network.layers.map(({ block }) => [...backend.readNow(block)].join());
  expect(new Set(drawn).size).toBe(3);
});

test("weights behind a front end are a normal distribution's, cut off at two standard deviations of 1 / sqrt(fan in)", () => {
  const layers = [{ kind: "bernoulli", units: 100 }] as const;
  const { layers: linears } = createNetwork(backend, { inputs: 400, units: "zero-one", layers });
  initialiseWeights(backend, linears, 7, "truncated-normal");
  const z = [...backend.readNow(linears[0].block).subarray(0, 40_000)].map((w) => w * 20);
  const share = (below: number) => z.filter((x) => x < below).length / z.length;
  // Of a normal distribution 0.9545 lies within two standard deviations. Five standard errors of a share of 40,000.
  for (const [below, normal] of [
    [-2, 0.02275],
    [-1, 0.15866],
    [0, 0.5],
    [0.5, 0.69146],
    [1.5, 0.93319],
    [2, 0.97725],
  ]) {
    expect(Math.abs(share(below) - (normal - 0.02275) / 0.9545)).toBeLessThan(5 * Math.sqrt(0.25 / 40_000));
  }
  expect(Math.max(...z.map(Math.abs))).toBeLessThanOrEqual(2);
  expect([...backend.readNow(linears[0].bias)]).toEqual(new Array(100).fill(0));
});

test("coins that begin as half-spaces are decided by most inputs of unit size, whatever their number", () => {
  for (const inputs of [1, 4, 100]) {
    const layers = [{ kind: "bernoulli", units: 400 }] as const;
    const spec = { inputs, inputKind: "real", units: "zero-one", layers } as const;
    const { layers: linears } = createNetwork(backend, spec);
    initialiseWeights(backend, linears, 3, "half-spaces");
    const block = backend.readNow(linears[0].block);
    // One context of numbers of size 1: logits have the variance 4.5^2 of the weights' sum and 4.5^2 of the bias.
    const logits = Array.from({ length: 400 }, (_, j) => {
      let l = block[inputs * 400 + j];
      for (let i = 0; i < inputs; i++) l += (i % 2 ? -1 : 1) * block[i * 400 + j];
      return l;
    });
    const deviation = Math.sqrt(logits.reduce((sum, l) => sum + l * l, 0) / 400);
    // Five standard errors of it: sqrt(40.5 / 800) each, at most.
    expect(Math.abs(deviation - Math.sqrt(40.5))).toBeLessThan(5 * Math.sqrt(40.5 / 800));
  }
});

test("a pass computes logits from all parents in their coding, and samples what the uniforms say", () => {
  const { network, input } = randomProblem(backend, mixedNetwork, 3, 2);
  const pass = createPass(network, input);
  const uniforms = network.layers.map(({ units }) => matrixOf(backend, 3, new Array(3 * units).fill(0.4)));
  samplePass(pass, new GivenDraws(({ layer }) => uniforms[layer.index]));
  const last = pass.layers[3];
  const [x, h0, h2] = [input, pass.layers[0].bits, pass.layers[2].bits].map((m) => backend.readNow(m));
  const [fromInput, from2, from0] = network.layers[3].parents.map(({ weights }) => backend.readNow(weights));
  const bias = backend.readNow(network.layers[3].bias);
  for (let b = 0; b < 3; b++) {
    for (let j = 0; j < 4; j++) {
      let logit = bias[j];
      for (let i = 0; i < 5; i++) logit += x[b * 5 + i] * fromInput[i * 4 + j];
      for (let i = 0; i < 3; i++) logit += (2 * h2[b * 3 + i] - 1) * from2[i * 4 + j];
      for (let i = 0; i < 7; i++) logit += (2 * h0[b * 7 + i] - 1) * from0[i * 4 + j];
      expect(backend.readNow(last.logits)[b * 4 + j]).toBeCloseTo(logit, 12);
    }
  }
  const [p, bits] = [backend.readNow(pass.layers[0].p), backend.readNow(pass.layers[0].bits)];
  p.forEach((value, e) => {
    expect(bits[e]).toBe(0.4 < value ? 1 : 0);
  });
  const [pi, chosen] = [backend.readNow(last.p), backend.readNow(last.bits)];
  for (let b = 0; b < 3; b++) {
    const row = chosen.subarray(4 * b, 4 * b + 4);
    expect(row.reduce((a, c) => a + c)).toBe(1);
    const choice = row.indexOf(1);
    const before = pi.subarray(4 * b, 4 * b + choice).reduce((a, c) => a + c, 0);
    expect(before).toBeLessThanOrEqual(0.4);
    expect(before + pi[4 * b + choice]).toBeGreaterThan(0.4);
  }
});

test("real inputs cannot flip", () => {
  const layers = [{ kind: "bernoulli", units: 2 }] as const;
  const spec = { inputs: 3, inputKind: "real", units: "zero-one", layers } as const;
  const { network, input } = randomProblem(backend, spec, 4, 2);
  expect(() => flipTables(createPass(network, input), network.layers[0].parents[0])).toThrow(
    "the edge comes from real inputs, which cannot flip",
  );
});

test("the sizes that a spec implies are those of the network", () => {
  const { layers } = createNetwork(backend, mixedNetwork);
  const shapes = networkShapes(mixedNetwork);
  expect(shapes.map(({ size, width }) => [size, width])).toEqual(
    layers.map(({ block, width }) => [block.columns, width]),
  );
});

test("generated draws of one layer differ from time to time", () => {
  const { network, input } = randomProblem(backend, mixedNetwork, 50, 2);
  const whole = createPass(network, input);
  const draws = new GeneratedDraws(backend, 1);
  draws.startStep(1);
  const drawn = [0, 1, 2, 1].map((time) => {
    samplePass(partOfPass(whole, 10, 30, time), draws);
    return [...backend.readNow(whole.layers[0].bits)].slice(70, 280).join("");
  });
  expect(new Set(drawn).size).toBe(3);
  expect(drawn[3]).toBe(drawn[1]);
});

test("a part of a pass is its rows, and no others", () => {
  const { network, input } = randomProblem(backend, mixedNetwork, 6, 2);
  const uniforms = network.layers.map(({ units }, l) => matrixOf(backend, 6, numbers(l, 6 * units, 0, 1)));
  const [whole, parts] = [createPass(network, input), createPass(network, input)];
  samplePass(whole, new GivenDraws(({ layer }) => uniforms[layer.index]));
  for (const [first, rows] of [
    [0, 2],
    [2, 1],
    [3, 3],
  ]) {
    const part = partOfPass(parts, first, rows, first);
    expect(part.batchSize).toBe(rows);
    samplePass(
      part,
      new GivenDraws(({ layer: { index, units }, time }) => {
        expect(time).toBe(first);
        return backend.view(uniforms[index], first * units, rows, units);
      }),
    );
  }
  whole.layers.forEach(({ logits, p, q, bits }, l) => {
    const other = parts.layers[l];
    for (const [one, two] of [
      [logits, other.logits],
      [p, other.p],
      [q, other.q],
      [bits, other.bits],
    ]) {
      expect(backend.readNow(two)).toEqual(backend.readNow(one));
    }
  });
});

test("generated draws are a function of seed, step, layer and branch", () => {
  const { network, input } = randomProblem(backend, mixedNetwork, 50, 2);
  const sampled = (seed: number, step: number, branch: number) => {
    const pass = createPass(network, input, branch);
    const draws = new GeneratedDraws(backend, seed);
    draws.startStep(step);
    samplePass(pass, draws);
    return pass.layers.map(({ bits }) => [...backend.readNow(bits)].join("")).join(" ");
  };
  const same = sampled(1, 1, 0);
  expect(sampled(1, 1, 0)).toBe(same);
  for (const other of [sampled(2, 1, 0), sampled(1, 2, 0), sampled(1, 1, 1)]) expect(other).not.toBe(same);
});

test("an input of bits takes bits alone, on every backend, before the pass is made and after", async () => {
  for (const backend of [createReferenceBackend(), await createWasmBackend({ kernels: "portable" })]) {
    const layers = [{ kind: "bernoulli", units: 2 }] as const;
    const makePass = (inputKind: "bits" | "signs" | "real", from: readonly number[] = []) => {
      const input = backend.matrix(1, 4);
      backend.write(input, from);
      return createPass(createNetwork(backend, { inputs: 4, inputKind, units: "zero-one", layers }), input);
    };
    const reals = [1, 0.5, 2, -1];
    for (const kind of ["bits", "signs"] as const) {
      expect(() => makePass(kind, reals)).toThrow("the number at element 1 is 0.5; expected bits, 0 or 1");
      const { input } = makePass(kind, [1, 0, 0, 1]);
      expect(() => backend.write(input, [0, Number.NaN], 2)).toThrow("the number at element 1 is NaN");
      expect(() => backend.write(backend.view(input, 2, 1, 2), [-1])).toThrow(
        "the number at element 0 is -1",
      );
      expect([...backend.readNow(input)]).toEqual([1, 0, 0, 1]);
    }
    const { input } = makePass("real", reals);
    expect([...backend.readNow(input)]).toEqual(reals);
  }
});
