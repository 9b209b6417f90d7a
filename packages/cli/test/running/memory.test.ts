// Memory that a run needs and cannot have.

import { createWasmBackend } from "flipnet/internal/backend/wasm";
import { InputError, RunError } from "flipnet/internal/formats/errors";
import { expect, it } from "vitest";
import { memoryLimit, takeMemory } from "../../src/running/memory.ts";

const MiB = 2 ** 20;
const plan = {
  total: 6400 * MiB,
  parameters: 1000 * MiB,
  activities: 5000 * MiB,
  tables: 390 * MiB,
  data: 10 * MiB,
  evaluation: 0,
  scratch: 0,
};

it("is refused with the numbers", async () => {
  const backend = await createWasmBackend();
  const before = process.memoryUsage().arrayBuffers;
  expect(() => takeMemory(backend.features.memory, plan, memoryLimit(Infinity))).toThrow(
    new InputError(
      "this run needs at least 6.3 GiB of memory (activities 4.9 GiB, parameters 1000 MiB, tables 390 MiB), " +
        "more than the 4 GiB that a WebAssembly memory can hold; try a smaller batch",
    ),
  );
  expect(() =>
    takeMemory(
      backend.features.memory,
      { ...plan, total: 2000 * MiB, activities: 600 * MiB },
      memoryLimit(1536 * MiB),
    ),
  ).toThrow("more than the 1.5 GiB that this machine has; try narrower layers");
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MiB);
});

it("is taken at once where it is there", async () => {
  const backend = await createWasmBackend();
  takeMemory(backend.features.memory, { ...plan, total: 64 * MiB });
  const grow = WebAssembly.Memory.prototype.grow;
  WebAssembly.Memory.prototype.grow = () => {
    throw new RangeError("it grew again");
  };
  try {
    backend.matrix(1000, 10_000);
  } finally {
    WebAssembly.Memory.prototype.grow = grow;
  }
});

it("is a failure of the run where the host has not as much", async () => {
  const backend = await createWasmBackend({ maximumBytes: 64 * MiB });
  expect(() => takeMemory(backend.features.memory, { ...plan, total: 65 * MiB })).toThrow(RunError);
});
