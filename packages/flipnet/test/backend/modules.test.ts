// The kernels as a module that is handed over, for hosts that compile nothing when they run.
import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { createAgent } from "../../src/agent/agent.ts";
import { relaxedSimdSupported } from "../../src/backend/modules.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";

const bytesOf = (kind: string) =>
  readFileSync(new URL(`../../dist/kernels/${kind}.wasm`, import.meta.url)) as Uint8Array<ArrayBuffer>;
const compiled = (kind: string) => new WebAssembly.Module(bytesOf(kind));

const kinds = ["portable", ...(relaxedSimdSupported() ? ["relaxed"] : [])] as const;

describe("a module that is handed over", () => {
  it.each(kinds)("makes the bits that the package's own makes (%s)", async (kind) => {
    const own = await createWasmBackend({ kernels: kind as "portable" });
    const given = await createWasmBackend({ module: compiled(kind) });
    expect(given.features.arithmetic).toBe(kind);
    const saved = [];
    for (const backend of [own, given]) {
      const agent = await createAgent({ inputs: 2, actions: 3, hidden: [8], seed: 4 }, backend);
      for (let t = 0; t < 50; t++) agent.learn(agent.act([Math.sin(t), 1]) === t % 3 ? 1 : 0);
      saved.push(await agent.save());
    }
    expect(saved[1]).toEqual(saved[0]);
  });

  it("is all that is compiled", async () => {
    const module = compiled("portable");
    const compile = vi.spyOn(WebAssembly, "compile");
    const validate = vi.spyOn(WebAssembly, "validate");
    await createWasmBackend({ module });
    expect([...compile.mock.calls, ...validate.mock.calls]).toEqual([]);
  });

  const empty = () => new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  /** Other kernels: the last byte of a module is that of the digest of its sources. */
  const other = () => {
    const bytes = bytesOf("portable");
    bytes[bytes.length - 1] ^= 1;
    return new WebAssembly.Module(bytes);
  };

  it.each([
    ["is none", () => ({ module: {} }), /^module is no WebAssembly.Module; expected .*portable\.wasm/],
    ["has no kernels", () => ({ module: empty() }), /^module has none of flipnet's kernels; expected /],
    ["is of another version", () => ({ module: other() }), /^module has the kernels of another version of /],
    [
      "is of another kind than the one asked for",
      () => ({ module: compiled("portable"), kernels: "relaxed" as const }),
      /^kernels is "relaxed", but module has those of kind "portable"$/,
    ],
    [
      "is to work on several threads",
      () => ({ module: compiled("portable"), threads: 2 }),
      /^threads is 2; with a module that is handed over it can only be 1$/,
    ],
  ])("is refused where it %s", async (_, options, sentence) => {
    const problem = await createWasmBackend(options()).catch((error) => error);
    expect(problem.name).toBe("InputError");
    expect(problem.message).toMatch(sentence);
  });
});
