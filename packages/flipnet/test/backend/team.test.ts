// Threads that cannot start, die or never answer: one sentence, and no hang.
import workerThreads, { type WorkerOptions } from "node:worker_threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Kernels } from "../../src/backend/generated/kernels.ts";
import { Scratch, WasmHeap } from "../../src/backend/heap.ts";
import { Team } from "../../src/backend/team.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { RunError } from "../../src/formats/errors.ts";

const teams: Team[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const team of teams.splice(0)) team.close();
});

/** A module of kernels on a shared memory that exports `setOwn` and `fill`, which does what `body` says. */
const moduleOf = (code: readonly number[], memory = "memory", locals = 0) => {
  const body = [...(locals > 0 ? [1, locals, 0x7f] : [0]), ...code];
  return WebAssembly.compile(
    Uint8Array.of(
      ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic, version
      ...[1, 8, 2, 0x60, 1, 0x7f, 0, 0x60, 0, 0], // types: i32 -> nothing, nothing -> nothing
      ...[2, 18, 1, 3, ...Buffer.from("env"), 6, ...Buffer.from(memory), 2, 3, 1, 0x80, 0x80, 4], // a shared memory
      ...[3, 3, 2, 0, 1], // functions
      ...[7, 17, 2, 6, ...Buffer.from("setOwn"), 0, 0, 4, ...Buffer.from("fill"), 0, 1],
      ...[10, 5 + body.length, 2, 2, 0, 0x0b, body.length, ...body],
    ),
  );
};
/** A whole number as WebAssembly has it in `i32.const`. */
function signed(n: number): number[] {
  const last = n >= -64 && n < 64;
  return last ? [n & 127] : [(n & 127) | 128, ...signed(n >> 7)];
}

const trap = [0x00, 0x0b];
const forever = [0x03, 0x40, 0x0c, 0, 0x0b, 0x0b];

/** A team of two; the leader's `fill` waits until the other has begun its own, and then does something. */
async function teamOf(module: WebAssembly.Module, patience: number, then: () => void = () => {}) {
  const heap = new WasmHeap(undefined, true);
  heap.reserve(64);
  const offered = 1;
  const fill = () => {
    while ((Atomics.load(heap.words, 64 / 4) & 3) === offered);
    then();
    return 0;
  };
  const kernels = { fill } as unknown as Kernels;
  const team = await Team.start(2, module, kernels, heap, new Scratch(heap, 2), { patience });
  teams.push(team);
  return () => team.kernels.fill(0, 1e6, 0);
}

/** Puts another class in the place of the host's workers. */
function replaceWorkers(Worker: typeof workerThreads.Worker): void {
  const find = process.getBuiltinModule;
  const replaced = (name: string) =>
    name === "node:worker_threads" ? { ...workerThreads, Worker } : find(name);
  vi.spyOn(process, "getBuiltinModule").mockImplementation(replaced as never);
}

/** Workers, as they are started. */
function workers(text?: string): workerThreads.Worker[] {
  const started: workerThreads.Worker[] = [];
  replaceWorkers(
    class extends workerThreads.Worker {
      constructor(given: string, options: WorkerOptions) {
        super(text ?? given, options);
        started.push(this);
      }
    },
  );
  return started;
}

describe("a thread that cannot start", () => {
  test("because the host gives none", async () => {
    replaceWorkers(
      class {
        constructor() {
          throw new Error("no workers here");
        }
      } as never,
    );
    const refusal = new RunError("a thread cannot start: no workers here");
    await expect(createWasmBackend({ threads: 2 })).rejects.toThrow(refusal);
  });

  test("because the kernels cannot be instantiated", async () => {
    const refusal = /^a thread cannot start: WebAssembly\.Instance\(\): Import #0 .*env.*other/;
    await expect(teamOf(await moduleOf(trap, "other_"), 120)).rejects.toThrow(refusal);
  });

  test("because it ends before it is ready, or is silent", async () => {
    workers("process.exit(3)");
    await expect(createWasmBackend({ threads: 3 })).rejects.toThrow(
      new RunError("a thread cannot start: it ended with code 3"),
    );
    const silent = workers("setInterval(() => {}, 1000)");
    await expect(teamOf(await moduleOf(trap), 0.1)).rejects.toThrow(
      new RunError("a thread cannot start: it is not ready after 0.1 seconds"),
    );
    // Nothing is left that would keep the process from ending.
    await vi.waitFor(() => expect(silent.map(({ threadId }) => threadId)).toEqual([-1]));
  });
});

describe("a thread that is lost", () => {
  const lost = (reason: string) => new RunError(`a thread of this backend is lost: ${reason}`);

  test("in a kernel that fails: this operation throws, and those after it", async () => {
    const fill = await teamOf(await moduleOf(trap), 120);
    expect(fill).toThrow(lost("it failed"));
    expect(fill).toThrow(lost("it failed"));
  });

  test("in a kernel that never returns", async () => {
    const fill = await teamOf(await moduleOf(forever), 1);
    expect(fill).toThrow(lost("it does not come back within 1 seconds"));
  });

  test("because it is ended in the middle of a kernel", async () => {
    const started = workers();
    const fill = await teamOf(await moduleOf(forever), 1, () => started[0].terminate());
    expect(fill).toThrow(lost("it does not come back within 1 seconds"));
  });

  test("because it is ended between two operations", async () => {
    const [started, backend] = [workers(), await createWasmBackend({ threads: 2 })];
    const m = backend.matrix(1000, 1000);
    backend.fill(m, 1);
    // Nobody begins the slice of a thread that is gone: the leader does it, until it hears of it.
    const end = started[0].terminate();
    backend.fill(m, 2);
    expect(backend.readNow(m).every((value) => value === 2)).toBe(true);
    await end;
    expect(() => backend.fill(m, 3)).toThrow(lost("it ended with code 1"));
  });
});

test("an operation whose own slice fails waits for the others, and the next loses nothing", async () => {
  // Counts at address 32, after a while: so the leader has failed long before.
  const slow = [
    ...[0x41, ...signed(100_000_000), 0x21, 0], // local 0 = 100,000,000
    ...[0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b], // down to 0
    ...[0x41, 0, 0x41, 0, 0x28, 2, 32, 0x41, 1, 0x6a, 0x36, 2, 32, 0x0b], // and one more
  ];
  const heap = new WasmHeap(undefined, true);
  heap.reserve(64);
  let calls = 0;
  const fill = () => {
    calls++;
    if (calls > 1) return;
    while ((Atomics.load(heap.words, 64 / 4) & 3) === 1);
    throw new Error("the leader's slice fails");
  };
  const kernels = { fill } as unknown as Kernels;
  const team = await Team.start(2, await moduleOf(slow, "memory", 1), kernels, heap, new Scratch(heap, 2));
  teams.push(team);
  const operation = () => team.kernels.fill(0, 1e6, 0);
  const slices = () => calls + Atomics.load(heap.words, 32 / 4);
  expect(operation).toThrow("the leader's slice fails");
  expect(slices()).toBe(2);
  operation();
  expect(slices()).toBe(4);
});

test("a backend that is closed says so", async () => {
  const [started, backend] = [workers(), await createWasmBackend({ threads: 3 })];
  const m = backend.matrix(1000, 1000);
  backend.close();
  backend.close();
  expect(() => backend.fill(m, 1)).toThrow(new RunError("this backend is closed"));
  await vi.waitFor(() => expect(started.map(({ threadId }) => threadId)).toEqual([-1, -1]));
});
