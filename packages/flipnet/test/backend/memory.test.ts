// The memory of the WebAssembly backend: growth, the limit, and operations that allocate nothing.
import { describe, expect, test, vi } from "vitest";
import { WasmHeap } from "../../src/backend/heap.ts";
import { kernelsHere } from "../../src/backend/kinds.ts";
import { kernelModule } from "../../src/backend/modules.ts";
import { padding } from "../../src/backend/padding.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { deriveKey, newKey } from "../../src/random/threefry.ts";
import { numbers } from "../helpers.ts";

const GiB = 2 ** 30;

describe("heap", () => {
  test("blocks are aligned, apart and zero", () => {
    const heap = new WasmHeap();
    heap.reserve(100);
    let end = 100;
    for (const bytes of [1, 0, 64, 1000, 3, 5_000_000, 7]) {
      const start = heap.allocate(bytes);
      expect(start % 64).toBe(0);
      expect(start).toBeGreaterThanOrEqual(end);
      end = start + bytes + padding;
      expect(heap.memory.buffer.byteLength).toBeGreaterThanOrEqual(end);
      expect(heap.bytes.subarray(start, end).every((byte) => byte === 0)).toBe(true);
      heap.bytes.fill(255, start, end);
    }
  });

  test("views look into the memory as it is now", () => {
    const heap = new WasmHeap();
    const start = heap.allocate(16);
    heap.floats[start / 4] = 1;
    const before = heap.floats;
    heap.allocate(10_000_000);
    expect(before.length).toBe(0); // detached
    expect(heap.floats[start / 4]).toBe(1);
    expect(heap.words[start / 4]).toBe(0x3f800000);
    expect(heap.bytes[start + 3]).toBe(0x3f);
    heap.doubles[start / 8 + 1] = 2;
    expect(heap.words[start / 4 + 3]).toBe(0x40000000);
  });

  test("a block beyond the limit is refused with the numbers, and nothing is lost", () => {
    const heap = new WasmHeap(2 ** 21);
    const start = heap.allocate(2 ** 20);
    const refusal = `cannot allocate 1048576 bytes: ${start + 2 ** 20 + padding} of at most 2097152 are in use`;
    expect(() => heap.allocate(2 ** 20)).toThrow(new RangeError(refusal));
    expect(() => heap.allocate(Number.NaN)).toThrow(RangeError);
    expect(heap.allocate(1000)).toBeGreaterThan(start);
  });

  test("what is taken back is handed out again, all zero, whatever the order", () => {
    const heap = new WasmHeap();
    const blocks = [1000, 2000, 3000, 10].map((bytes) => heap.allocate(bytes));
    const [used, first] = [heap.used.matrices, blocks[0]];
    heap.bytes.fill(255, first);
    for (const place of [1, 0, 2]) heap.free(blocks[place]);
    expect(heap.used.matrices).toBeLessThan(used / 10);
    // One stretch again, of which there is enough for all three.
    expect(heap.allocate(6000)).toBe(first);
    expect(heap.bytes.subarray(first, first + 6000 + padding).every((byte) => byte === 0)).toBe(true);
    expect(heap.allocate(1000)).toBeGreaterThan(blocks[3]);
  });

  test("4 GiB are the end, whatever is asked for", () => {
    const heap = new WasmHeap(16 * GiB);
    expect(() => heap.allocate(4 * GiB)).toThrow("of at most 4294967296 are in use");
    expect(heap.memory.buffer.byteLength).toBeLessThan(GiB);
  });
});

describe("backend", () => {
  test("growth keeps contents", async () => {
    const backend = await createWasmBackend();
    const values = Float32Array.from(numbers(1, 1000));
    const first = backend.matrix(10, 100);
    const view = backend.view(first, 500, 5, 100);
    const sums = backend.sums(2);
    backend.write(first, values);
    backend.writeSums(sums, [1, 2]);
    backend.matrix(1000, 3000);
    expect(backend.readNow(first)).toEqual(new Float64Array(values));
    expect(await backend.read(view)).toEqual(new Float64Array(values.subarray(500)));
    expect(await backend.readSums(sums)).toEqual(Float64Array.of(1, 2));
    backend.subtract(view, view, view);
    expect(
      backend
        .readNow(first)
        .subarray(500)
        .every((x) => x === 0),
    ).toBe(true);
  });

  test("a matrix that cannot be is refused", async () => {
    const backend = await createWasmBackend();
    expect(() => backend.matrix(40_000, 40_000)).toThrow(
      /cannot allocate 6400000000 bytes: \d+ of at most 4294967296/,
    );
    const small = await createWasmBackend({ maximumBytes: 3 * 2 ** 20 });
    expect(() => small.bytes(new Uint8Array(3 * 2 ** 20))).toThrow("of at most 3145728");
  });

  test("steps allocate nothing", async () => {
    const backend = await createWasmBackend();
    const [B, I, J] = [50, 784, 200];
    const images = backend.bytes(new Uint8Array(60 * I).fill(100));
    const order = backend.indices(60);
    const [x, w, l, p, q] = [
      [B, I],
      [I, J],
      [B, J],
      [B, J],
      [B, J],
    ].map(([r, c]) => backend.matrix(r, c));
    const [g, m, v] = [0, 1, 2].map(() => backend.matrix(I, J));
    const [bits, u] = [backend.matrix(B, J), backend.matrix(B, J)];
    const bias = backend.matrix(1, J);
    const key = newKey();
    const correction = { correction1: 0.1, correction2: 0.001 };
    const last = () => (backend.matrix(1, 1) as unknown as { pointer: number }).pointer;
    let before = 0;
    for (let step = 0; step < 20; step++) {
      deriveKey(1, "draws", step, key);
      backend.binarise(images, order, 0, key, x);
      backend.broadcast(bias, l);
      backend.product(x, "zero-one", w, l);
      backend.sigmoid(l, p, q);
      backend.uniforms(key, u);
      backend.sampleBernoulli(p, u, bits);
      backend.subtract(bits, p, q);
      backend.outerProduct(x, "zero-one", q, g, false);
      const adam = { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, ...correction };
      backend.adam(w, g, m, v, adam);
      if (step === 0) before = last(); // kernels have their scratch now
    }
    expect(last() - before).toBe(64 + padding); // that matrix itself
  });

  test("views stay inside, copies too", async () => {
    const backend = await createWasmBackend();
    const m = backend.matrix(4, 5);
    expect(() => backend.view(m, 16, 1, 5)).toThrow(
      "view: m [4, 5], offset 16, rows 1, columns 5 do not fit",
    );
    expect(() => backend.view(m, -1, 1, 5)).toThrow(RangeError);
    expect(() => backend.view(m, 0.5, 1, 5)).toThrow(RangeError);
    expect(() => backend.write(m, [1, 2], 19)).toThrow("write: first 19, count 2, length 20 do not fit");
    expect(() => backend.writeIndices(backend.indices(1), [1, 2])).toThrow(RangeError);
    expect(() => backend.writeSums(backend.sums(1), [1, 2])).toThrow(RangeError);
  });

  test("shapes that do not fit are named", async () => {
    const backend = await createWasmBackend();
    const [a, b, row] = [backend.matrix(3, 4), backend.matrix(4, 3), backend.matrix(1, 4)];
    expect(() => backend.subtract(a, b, a)).toThrow(
      new RangeError("subtract: a [3, 4], b [4, 3], out [3, 4] do not fit"),
    );
    expect(() => backend.product(a, "real", a, a)).toThrow(
      "product: x [3, 4], weights [3, 4], out [3, 4] do not fit",
    );
    expect(() => backend.softmax(a, 3, a)).toThrow("softmax: choices 3, a [3, 4], b [3, 4]");
    expect(() => backend.sigmoid(a, a, b)).toThrow(RangeError);
    expect(() => backend.broadcast(a, a)).toThrow(RangeError);
    expect(() => backend.sampleCategorical(a, 2, a, a)).toThrow(RangeError);
    expect(() => backend.scaleRows(a, row, a)).toThrow(RangeError);
    expect(() => backend.rewardByLabel(a, row, row)).toThrow(RangeError);
    expect(() => backend.addVariance(a, a, backend.sums(2), 0, 1)).toThrow(RangeError);
    expect(() => backend.addMean(a, backend.sums(2), 2)).toThrow(
      "addMean: first 2, count 1, length 2 do not fit",
    );
    expect(() => backend.addMean(a, backend.sums(2), -1)).toThrow(RangeError);
    expect(() => backend.checkFinite(a, backend.sums(2), 2, 1)).toThrow(RangeError);

    const order = backend.indices(2);
    expect(() => backend.gatherRows(b, order, 0, b)).toThrow(
      "gatherRows: first 0, count 4, length 2 do not fit",
    );
    backend.writeIndices(order, [1, 4]);
    const two = backend.matrix(2, 3);
    expect(() => backend.gatherRows(b, order, 0, two)).toThrow("gatherRows: order names row 4 of 4");
    expect(() => backend.binarise(backend.bytes(new Uint8Array(14)), order, 0, newKey(), two)).toThrow(
      "binarise: order names row 4 of 4",
    );
  });

  test("operands of another backend are refused", async () => {
    const [one, other] = [await createWasmBackend(), await createWasmBackend()];
    const m = one.matrix(2, 2);
    expect(() => other.fill(m, 1)).toThrow("an operand belongs to another backend");
    expect(() => one.fill(createReferenceBackend().matrix(2, 2), 1)).toThrow(TypeError);
  });
});

describe("a scope", () => {
  test("owns what is allocated in it, tables and what they come to need included", async () => {
    const backend = await createWasmBackend();
    const { used } = backend.features.memory;
    const total = () => Object.values(used).reduce((sum, bytes) => sum + bytes);
    const m = backend.matrix(20, 20);
    const [x, out] = [backend.matrix(1, 20), backend.matrix(1, 20)];
    const child = { kind: "bernoulli", choices: 1, logits: x, p: x, q: x, bits: x } as const;
    backend.flipEntropy(x, backend.flipTables(m, "zero-one"), child, out, false); // scratch is there now
    const before = total();
    const outer = backend.scope();
    const inner = backend.scope();
    const make = () => {
      const tables = backend.flipTables(m, "zero-one");
      backend.indices(3);
      backend.sums(3);
      backend.bytes(new Uint8Array(3));
      return { tables, matrix: backend.matrix(5, 5) };
    };
    const { matrix, tables } = outer.run(make);
    const more = outer.run(() => inner.run(make));
    backend.flipEntropy(x, tables, child, out, false);
    const row = outer.run(() => backend.view(m, 0, 1, 20));
    inner.release();
    expect(() => backend.fill(more.matrix, 1)).toThrow(
      new TypeError("an operand was given back with its scope"),
    );
    backend.fill(matrix, 1);
    outer.release();
    outer.release();
    expect(total()).toBe(before);
    for (const gone of [matrix, row]) expect(() => backend.fill(gone, 1)).toThrow(TypeError);
    expect(() => backend.refreshFlipTables(tables)).toThrow(TypeError);
    backend.fill(m, 1);
  });

  test("within another goes with it", async () => {
    for (const backend of [await createWasmBackend(), createReferenceBackend()]) {
      const outer = backend.scope();
      const m = outer.run(() => backend.scope().run(() => backend.matrix(2, 2)));
      backend.fill(m, 1);
      outer.release();
      if (backend.name === "wasm") expect(() => backend.fill(m, 1)).toThrow(TypeError);
    }
  });

  test("ends where its work fails", async () => {
    const backend = await createWasmBackend();
    const scope = backend.scope();
    expect(() => scope.run(() => backend.matrix(-1, 2))).toThrow(
      new RangeError("matrix: -1 x 2 is no size; expected whole numbers"),
    );
    const m = backend.matrix(2, 2);
    scope.release();
    backend.fill(m, 1);
  });
});

describe("modules", () => {
  test("the fastest that the host has", async () => {
    expect((await createWasmBackend()).features.arithmetic).toBe(kernelsHere().at(-1));
    expect((await createWasmBackend({ kernels: "portable" })).features.arithmetic).toBe("portable");
  });

  test("a module is compiled once", () => {
    expect(kernelModule("portable")).toBe(kernelModule("portable"));
  });

  test("a host without relaxed SIMD gets portable kernels, and a clear refusal of others", async () => {
    vi.resetModules();
    const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    try {
      const { createWasmBackend } = await import("../../src/backend/wasm.ts");
      const { kernelsHere } = await import("../../src/backend/kinds.ts");
      expect(kernelsHere()).not.toContain("relaxed");
      const refusal = /^kernels is "relaxed"; expected "portable"( or "native-\d+")*, which this host has$/;
      await expect(createWasmBackend({ kernels: "relaxed" })).rejects.toThrow(refusal);
    } finally {
      validate.mockRestore();
    }
  });
});
