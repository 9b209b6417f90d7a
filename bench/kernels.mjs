// Every kernel beside the least time that this host could need for it, at the sizes of the papers' networks: 50
// examples, layers of 200 units, 784 pixels.
//
// A kernel's model says what its result cannot be had without: vector operations (of four floats), and bytes that come
// from, or go to, wherever its operands live. It says nothing of what the code does beside that: lists of rows, masks,
// products carried in memory. Each limit of limits.mjs turns it into a time; the longest is the bound, and the bound by
// the measured time is the kernel's share of the limit that binds it. Loads from L1 are counted where each operand is
// used once, in sums of rows; a tile of a product uses its operands several times.
import { createWasmBackend } from "../packages/flipnet/dist/backend/wasm.js";
import { deriveKey, newKey, uniformAt } from "../packages/flipnet/dist/random/threefry.js";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number, range } from "./lib/table.mjs";
import { inBytes, limitLoops, limitsFrom } from "./limits.mjs";

/** Sums of pieces of work, each with how often it is done. */
function work(...pieces) {
  const sum = {};
  for (const [count, piece] of pieces) {
    for (const [what, amount] of Object.entries(piece)) sum[what] = (sum[what] ?? 0) + count * amount;
  }
  return sum;
}

// Pieces of work on one vector. `other` is whatever is neither of the named operations nor shares their units.
const exponential = { madd: 8, multiply: 2, add: 2, shift: 1, other: 1 };
const logarithm = { madd: 12, multiply: 2, add: 2, shift: 3, other: 5 };
/** Eight random words in four lanes each: 13 rounds, of which two rotate by whole bytes, three keys, two shuffles. */
const threefry = { shift: 22, other: 13 + 13 + 11 + 2 + 6 + 2 };
const rowOfSum = { add: 1, loads: 1 };

/** `{ limit: nanoseconds }` of some work under some limits. */
function leastTimes({ rates, bandwidth, levelOf }, done) {
  const { madd = 0, multiply = 0, add = 0, divide = 0, root = 0, shift = 0, other = 0, loads = 0 } = done;
  const { reads = 0, writes = 0, updates = 0, set } = done;
  const together = Math.min(reads, writes);
  return {
    "multiply-adds": madd / rates.madd + multiply / rates.multiply + divide / rates.division,
    additions: add / rates.add,
    divisions: divide / rates.divide + root / rates.root,
    shifts: shift / rates.shift,
    "vector operations": (madd + multiply + add + divide + root + shift + other) / rates.any,
    "loads from L1": (16 * loads) / bandwidth("read", 0),
    [`bandwidth of ${levelOf(set)}`]:
      updates / bandwidth("update", set) +
      together / bandwidth("copy", set) +
      (reads - together) / bandwidth("read", set) +
      (writes - together) / bandwidth("write", set),
  };
}

/** Matrices of random numbers of a backend. */
function filler(backend) {
  const key = deriveKey(1, "test", 0, newKey());
  let drawn = 0;
  return (rows, columns, value) => {
    const m = backend.matrix(rows, columns);
    backend.write(
      m,
      Array.from({ length: rows * columns }, () => value(uniformAt(key, drawn++))),
    );
    return m;
  };
}

const real = (u) => 2 * u - 1;
const bit = (density) => (u) => (u < density ? 1 : 0);
const ones = (backend, m) => backend.readNow(m).reduce((sum, x) => sum + x, 0);
/** How many columns of bits have a 1. */
const columnsInUse = (backend, m) =>
  new Set([...backend.readNow(m).entries()].flatMap(([place, x]) => (x ? [place % m.columns] : []))).size;

/** Products, gradients and counterfactuals of `I` inputs or parents and `J` units or children. */
function edgeKernels(backend, [B, I, J]) {
  const filled = filler(backend);
  const [edges, weightsBytes] = [(B * I * J) / 4, 4 * I * J];
  const [inputs, outputs] = [4 * B * I, 4 * B * J];
  const all = weightsBytes + inputs + outputs;
  const forward = { reads: all, writes: outputs, set: all };
  const backward = { reads: inputs + outputs, writes: weightsBytes, set: all };

  const weights = filled(I, J, (u) => 0.2 * u - 0.1);
  const x = filled(B, I, real);
  const g = filled(B, J, real);
  const [upper, lower, both] = [backend.matrix(B, J), backend.matrix(B, I), backend.matrix(B, I)];
  const gradient = backend.matrix(I, J);
  const kernels = [
    {
      name: "dense product",
      hot: true,
      call: () => backend.product(x, "real", weights, upper),
      work: work([edges, { madd: 1 }], [1, forward]),
    },
    {
      name: "transposed product",
      call: () => backend.transposedProduct(g, weights, lower, false),
      work: work([edges, { madd: 1 }], [1, { reads: weightsBytes + outputs, writes: inputs, set: all }]),
    },
    {
      name: "outer-product gradient, real",
      hot: true,
      call: () => backend.outerProduct(x, "real", g, gradient, false),
      work: work([edges, { madd: 1 }], [1, backward]),
    },
  ];
  for (const density of [0.13, 0.5]) {
    const bits = filled(B, I, bit(density));
    const rows = (ones(backend, bits) * J) / 4;
    const unread = weightsBytes - 4 * J * columnsInUse(backend, bits);
    kernels.push(
      {
        name: `row-sum product, ${100 * density} % on`,
        hot: true,
        call: () => backend.product(bits, "zero-one", weights, upper),
        work: work([rows, rowOfSum], [1, forward], [-1, { reads: unread, set: unread }]),
      },
      {
        name: `outer-product gradient, ${100 * density} % on`,
        hot: true,
        call: () => backend.outerProduct(bits, "zero-one", g, gradient, false),
        work: work([rows, rowOfSum], [1, backward]),
      },
    );
  }

  const parents = filled(B, I, bit(0.5));
  const tables = backend.flipTables(weights, "zero-one");
  backend.refreshFlipTables(tables);
  const logits = filled(B, J, (u) => 6 * u - 3);
  const [p, q] = [backend.matrix(B, J), backend.matrix(B, J)];
  backend.sigmoid(logits, p, q);
  const child = { kind: "bernoulli", choices: 1, logits, p, q, bits: filled(B, J, bit(0.5)) };
  const childRows = (ones(backend, child.bits) * I) / 4;
  // Both tables, e^d and d turned; the children's p, q and bits.
  const tablesOnce = { reads: 2 * weightsBytes + inputs + 3 * outputs, writes: inputs, set: 2 * all };
  const native = backend.features.arithmetic.startsWith("native");
  kernels.push(
    {
      // q + p e^d, times the rest; c . d is a sum of table rows; a logarithm a parent.
      name: "counterfactual",
      hot: true,
      call: () => backend.flipLogLikelihood(parents, tables, child, lower, false),
      work: work(
        [edges, { madd: 1, multiply: 1 }],
        [childRows, rowOfSum],
        [(B * I) / 4, logarithm],
        [1, tablesOnce],
      ),
    },
    {
      // Also q (l + d) / t of every edge, two fractions brought together before they are divided.
      name: "counterfactual with entropy",
      hot: true,
      call: () => backend.flipEntropy(parents, tables, child, lower, false, both),
      work: work(
        // Native kernels carry the sum of the fractions times the product in place of dividing.
        [edges, native ? { madd: 4, multiply: 2 } : { madd: 2.5, multiply: 1.5, divide: 0.5, add: 0.5 }],
        [childRows, rowOfSum],
        [(B * I) / 4, logarithm],
        [1, tablesOnce],
      ),
    },
  );
  // Native flips make their tables themselves.
  if (!native) {
    kernels.push({
      name: "flip tables",
      call: () => backend.refreshFlipTables(tables),
      work: work(
        // k w, its exponential, |d| and the largest, the sum; two shuffles turn it.
        [(I * J) / 4, work([1, exponential], [1, { multiply: 1, add: 1, other: 4 }])],
        [1, { reads: weightsBytes, writes: 2 * weightsBytes, set: 3 * weightsBytes }],
      ),
    });
  }
  if (I % 10 === 0) {
    let place = 0;
    const choices = filled(B, I, () => (place++ % 10 === 3 ? 1 : 0));
    kernels.push({
      // q + p e^(W[n] - W[chosen]) for every choice n: a quotient for each parent and child serves all of them.
      name: "counterfactual of softmax parents, 10 choices",
      call: () => backend.switchLogLikelihood(choices, 10, tables, child, lower, false),
      work: work(
        [edges, { madd: 1, multiply: 1 }],
        [edges / 10, { divide: 1 }],
        [childRows, rowOfSum],
        [(B * I) / 4, logarithm],
        [1, tablesOnce],
      ),
    });
  }
  if (J % 10 === 0) {
    const law = backend.matrix(B, J);
    backend.softmax(logits, 10, law);
    let place = 0;
    const chosen = filled(B, J, () => (place++ % 10 === 0 ? 1 : 0));
    const softmax = { kind: "softmax", choices: 10, logits, p: law, q: law, bits: chosen };
    kernels.push({
      // sum_a p[a] e^d[a], from the table of the parent's bit in each lane.
      name: "softmax counterfactual, 10 choices",
      call: () => backend.flipLogLikelihood(parents, tables, softmax, lower, false),
      work: work(
        [edges, { madd: 1, other: 1 }],
        [edges / 10, { multiply: 1 }],
        [(I * J) / 4, work([1, exponential], [1, { divide: 1 }])],
        [((B * J) / 10) * (I / 4), rowOfSum],
        [(B * I) / 4, logarithm],
        [1, tablesOnce],
      ),
    });
  }
  return kernels.map((kernel) => ({ shape: [B, I, J], ...kernel }));
}

/** What is done to each unit of a layer, [B, J], or to each pixel. */
function unitKernels(backend, [B, J]) {
  const filled = filler(backend);
  const bytes = 4 * B * J;
  const key = deriveKey(1, "draws", 7, newKey());
  const logits = filled(B, J, (u) => 6 * u - 3);
  const [p, q, u, bits] = [0, 1, 2, 3].map(() => backend.matrix(B, J));
  backend.sigmoid(logits, p, q);
  const images = backend.bytes(Uint8Array.from({ length: 1000 * J }, (_, i) => (i * 619) % 256));
  const order = backend.indices(1000);
  backend.writeIndices(
    order,
    Uint32Array.from({ length: 1000 }, (_, i) => (i * 617) % 1000),
  );
  const vectors = (B * J) / 4;
  const kernels = [
    {
      // A word a unit; made a number, compared.
      name: "sampling",
      hot: true,
      call: () => {
        backend.uniforms(key, u);
        backend.sampleBernoulli(p, u, bits);
      },
      work: work(
        [vectors / 2, threefry],
        [vectors, { shift: 1, multiply: 1, other: 3 }],
        [1, { reads: bytes, writes: bytes, set: 2 * bytes }],
      ),
    },
    {
      // Half a word a pixel. For eight pixels: one shuffle makes words of bytes, three operations compare, four store.
      name: "binarise",
      call: () => backend.binarise(images, order, 100, key, bits),
      work: work(
        [vectors / 4, threefry],
        [vectors / 2, { other: 8 }],
        [1, { reads: B * J, writes: bytes, set: 5 * B * J }],
      ),
    },
    {
      // e^-|l|, a sum, a division, a product; flushed, and each put where it belongs.
      name: "sigmoid",
      call: () => backend.sigmoid(logits, p, q),
      work: work(
        [vectors, work([1, exponential], [1, { add: 1, divide: 1, multiply: 1, other: 7 }])],
        [1, { reads: bytes, writes: 2 * bytes, set: 3 * bytes }],
      ),
    },
  ];
  return kernels.map((kernel) => ({ shape: [B, J], ...kernel }));
}

/** A step of Adam on a network's parameters, with moments that are old: those of silent inputs have become 0. */
function adamKernel(backend, shape) {
  const filled = filler(backend);
  const [weights, gradient] = [filled(...shape, real), filled(...shape, (u) => (u > 0.1 ? 0 : 1e-3 * u))];
  const [m, v] = [backend.matrix(...shape), backend.matrix(...shape)];
  const step = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: 1, correction2: 1 };
  const call = () => backend.adam(weights, gradient, m, v, step);
  for (let i = 0; i < 2000; i++) call();
  const count = shape[0] * shape[1];
  return {
    name: "Adam",
    shape,
    hot: true,
    call,
    work: work(
      [count / 4, { madd: 2, multiply: 2, add: 4, divide: 1, root: 1 }],
      [1, { reads: 4 * count, updates: 12 * count, set: 16 * count }],
    ),
  };
}

const edgeShapes = [
  [50, 784, 200],
  [50, 200, 784],
  [50, 200, 200],
  [50, 200, 10],
  [1, 200, 200],
];

/** The papers' networks: what the targets are for. Others show what happens at the edges. */
const isLarge = ({ hot, shape }) => hot && shape[0] > 1 && shape.at(-1) >= 200;

/**
 * `data`: `{ limits, kernels }`. Limits are `[{ name, level, bytes, rate }]`, vector operations or bytes a nanosecond;
 * kernels `[{ kernel, shape, target, microseconds, bound, limit, share }]`: the spread of what a call takes, the least
 * it could take, what makes it so, and the share. Bound and share compare the fastest rounds: what the host can do is
 * what it did when nothing disturbed it, and a kernel is judged by the same.
 */
export async function benchmarkKernels({ kernels: kind, quick }) {
  const backend = await createWasmBackend({ kernels: kind });
  const kernels = [
    ...edgeShapes.flatMap((shape) => edgeKernels(backend, shape)),
    ...[200, 784].flatMap((units) => unitKernels(backend, [50, units])),
    ...[200, 1184].map((inputs) => adamKernel(backend, [inputs, 200])),
  ];
  const { samples, levelOf } = await limitLoops(backend.features.arithmetic);
  const times = takeTurns([...samples, ...kernels], { rounds: quick ? 15 : 41, milliseconds: 0.5 });
  const least = times.map((nanoseconds) => Math.min(...nanoseconds));
  const limits = limitsFrom(samples, (sample) => sample.amount / least[samples.indexOf(sample)]);
  const data = {
    limits: samples.map(({ name, bytes, amount }, i) => ({
      name,
      ...(bytes && { level: levelOf(bytes), bytes }),
      rate: { most: amount / least[i], ...spread(times[i].map((nanoseconds) => amount / nanoseconds)) },
    })),
    kernels: kernels.map((kernel, i) => {
      const nanoseconds = times[samples.length + i];
      const bounds = Object.entries(leastTimes({ ...limits, levelOf }, kernel.work));
      const [limit, bound] = bounds.reduce((most, next) => (next[1] > most[1] ? next : most));
      return {
        kernel: kernel.name,
        shape: kernel.shape,
        target: isLarge(kernel),
        microseconds: spread(nanoseconds.map((time) => time / 1000)),
        bound: bound / 1000,
        limit,
        share: bound / least[samples.length + i],
      };
    }),
  };
  // Half of the limit is asked for at 512 bits: lists, tables and lanes put together do not get faster with the width.
  const goal = backend.features.arithmetic === "native-512" ? 0.5 : 0.6;
  return {
    data,
    tables: tables(data, goal),
    timings: data.kernels.map(({ kernel, shape, microseconds }) => ({
      what: `kernel: ${kernel}, ${shape.join(" x ")}`,
      unit: "us",
      ...microseconds,
    })),
    targets: leastShares(
      data.kernels.filter(({ target }) => target),
      goal,
    ),
  };
}

/** The least share of each kernel, and that it is to be `goal` or more. */
function leastShares(kernels, goal) {
  return [...new Set(kernels.map(({ kernel }) => kernel))].map((name) => ({
    what: `${name}: least share of the limit that binds it`,
    measured: Math.min(...kernels.flatMap(({ kernel, share }) => (kernel === name ? share : []))),
    atLeast: goal,
  }));
}

function tables({ limits, kernels }, goal) {
  const operations = limits.filter(({ bytes }) => bytes === undefined);
  const sizes = [...new Set(limits.flatMap(({ bytes }) => bytes ?? []))];
  const movements = ["read", "write", "update", "copy"];
  return [
    [
      "The host's limits: vector operations (four floats) a nanosecond",
      [
        ["", "most", "median (quartiles)"],
        ...operations.map(({ name, rate }) => [name, number(rate.most), range(rate)]),
      ],
    ],
    [
      "The host's limits: most bytes a nanosecond, or 10^9 a second, by how many bytes are gone over",
      [
        ["bytes", "in", ...movements],
        ...sizes.map((bytes) => {
          const here = limits.filter((limit) => limit.bytes === bytes);
          const rates = movements.map((name) => number(here.find((limit) => limit.name === name).rate.most));
          return [inBytes(bytes), here[0].level, ...rates];
        }),
      ],
    ],
    [
      `Kernels: microseconds a call, the least that the limits allow, and the share (* has a target: ${100 * goal} % or more)`,
      [
        ["kernel", "B x I x J", "median (quartiles)", "least", "limit that binds", "share"],
        ...kernels.map(({ kernel, shape, target, microseconds, bound, limit, share }) => [
          `${target ? "* " : "  "}${kernel}`,
          shape.join(" x "),
          range(microseconds),
          number(bound),
          limit,
          `${Math.round(100 * share)} %`,
        ]),
      ],
    ],
  ];
}
