// What native kernels have beyond the table of operations, which walks them too: they refuse what lies outside the memory,
// follow it when it grows, keep their bits from version to version, and are none where they were made for others.
// Where nothing is built (npm run build:native) the tests of the addon itself are left out.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { afterEach, describe, expect, test, vi } from "vitest";
import { signatures } from "../../src/backend/generated/kernels.ts";
import { kernelsHere, nativeReason } from "../../src/backend/kinds.ts";
import type { Kernel } from "../../src/backend/modules.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { tried, variantsOf } from "./walk.ts";

const kinds = kernelsHere().filter((kind) => kind.startsWith("native"));
const page = 0x10000;

/** Operations whose native kernels are as they will be. */
const settled = [
  "product",
  "transposedProduct",
  "outerProduct",
  "columnMeans",
  "rowDots",
  "convolve",
  "convolveBack",
  "convolutionGradient",
  "sigmoid",
  "softmax",
  "uniforms",
  "binarise",
  "flipLogLikelihood",
  "flipEntropy",
  "switchLogLikelihood",
  "entropyDifferences",
  "posteriorMinusPrior",
  "choicePosteriorMinusPrior",
  "logLikelihood",
  "entropy",
  "adam",
] as const;

afterEach(() => void vi.restoreAllMocks());

describe.skipIf(kinds.length === 0).each(kinds)("%s", (kind) => {
  const load = createRequire(import.meta.url)(`@flipnet/native/${kind}`).kernels;

  test("refuses operands that do not lie in the memory", () => {
    const kernels: Record<string, Kernel> = load(new WebAssembly.Memory({ initial: 1 })).kernels;
    const wrong: [string, number[], string][] = [
      ["multiply", [0, 64, page - 64, 16], `out has 64 bytes from ${page - 64} on`],
      ["multiply", [0, -4, 128, 16], "b has 64 bytes from -4 on"],
      ["multiply", [0, 2, 128, 16], "b has 64 bytes from 2 on"],
      ["multiply", [0, 0.5, 128, 16], "b has 64 bytes from 0.5 on"],
      ["dense", [0, 0, 0, 50, 2 ** 31 - 1, 200], `x has ${4 * 50 * (2 ** 31 - 1)} bytes from 0 on`],
    ];
    for (const [name, operands, what] of wrong) {
      const refusal = `${name}: ${what}; expected a place in a memory of ${page} bytes`;
      expect(() => kernels[name](...operands)).toThrow(new RangeError(refusal));
    }
    for (const count of [-1, 0.5, 2 ** 31, Number.NaN]) {
      const refusal = `multiply: n is ${count}; expected a whole number from 1, or from 0, to 2^31 - 1`;
      expect(() => kernels.multiply(0, 0, 0, count)).toThrow(new RangeError(refusal));
    }
    const [images, order] = [0, 1024];
    expect(() => kernels.binarise(images, order, 2048, 1, page, 0, 0)).toThrow(RangeError);
  });

  test("takes what the WebAssembly kernels take", () => {
    const found: Record<string, string> = createRequire(import.meta.url)("@flipnet/native").signatures;
    expect(Object.keys(found).length).toBeGreaterThan(40);
    const ours: Record<string, string> = signatures;
    for (const [name, operands] of Object.entries(found)) {
      expect([operands, `${operands} scratch:usize`], name).toContain(ours[name]);
    }
  });

  test("follows a memory that grows, and keeps several apart", async () => {
    const backends = await Promise.all([1, 2].map(() => createWasmBackend({ kernels: kind })));
    for (const megabytes of [1, 20, 100]) {
      for (const [place, backend] of backends.entries()) {
        const m = backend.matrix(megabytes, 2 ** 18);
        backend.fill(m, megabytes + place);
        const [first, last] = [backend.view(m, 0, 1, 1), backend.view(m, megabytes * 2 ** 18 - 1, 1, 1)];
        for (const end of [first, last]) expect(backend.readNow(end)[0]).toBe(megabytes + place);
      }
    }
  });

  // Where these change on purpose, so do the runs of everybody who has made some with this kind.
  const pinned: Record<string, string> = {
    "native-256": "008ccb8068dc8053",
    "native-512": "fb09d23ba2c188a4",
  };

  test.skipIf(pinned[kind] === undefined)("keeps its bits", async () => {
    const backend = await createWasmBackend({ kernels: kind });
    const hash = createHash("sha256");
    for (const operation of settled) {
      for (const [v, variant] of variantsOf(operation).entries()) {
        for (const weight of [0.5, 8, 60]) {
          const sizes = { B: 9, I: 37, J: 21 * variant.childChoices, U: 5, R: 40, C: 11, A: 7, k: 3, weight };
          const found = await tried(backend, operation, { ...variant, sizes, seed: 1 + v });
          for (const values of found) hash.update(values);
        }
      }
    }
    expect(hash.digest("hex").slice(0, 16)).toBe(pinned[kind]);
  });
});

describe("a package of native kernels", () => {
  /** Puts another package in the place of what is installed. */
  async function kindsWith(found: unknown) {
    const find = process.getBuiltinModule;
    const replaced = (name: string) =>
      name === "node:module" ? { createRequire: () => () => found } : find(name as "node:v8");
    vi.spyOn(process, "getBuiltinModule").mockImplementation(replaced as never);
    vi.resetModules();
    return import("../../src/backend/kinds.ts");
  }

  test("that is made for other kernels is not used, and says so", async () => {
    const other = { kinds: ["native-256"], operands: "of another version" };
    const { kernelsHere, nativeReason, refusalOf } = await kindsWith(other);
    expect(kernelsHere()).not.toContain("native-256");
    expect(nativeReason()).toMatch(/^it is made for other kernels: npm run build:native/);
    expect(refusalOf("native-256")).toMatch(
      /^kernels is "native-256"; expected "portable".* \(@flipnet\/native: it is/,
    );
  });

  test("that cannot be loaded says why", async () => {
    const { kernelsHere, nativeReason } = await kindsWith({
      kinds: [],
      reason: "no such libc",
      signatures: {},
    });
    expect(kernelsHere().some((kind) => kind.startsWith("native"))).toBe(false);
    expect(nativeReason()).toBe("no such libc");
  });

  test("that is here has no reason not to be used", () => {
    if (kinds.length > 0) expect(nativeReason()).toBeUndefined();
  });
});
