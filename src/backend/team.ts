/**
 * Threads that share the memory of a backend and divide the work of its kernels: fork and join. The thread that calls
 * a kernel, the leader, offers slices of it to the others, works on its own and waits for the rest. So one operation
 * is done before the next begins, and nothing above knows of threads. A slice that nobody has begun when the leader is
 * done, as on a machine that is busy with other things, the leader does too.
 *
 * Each of the others has a box in the shared memory: a word that says how far a slice is, and the call to be made, the
 * number of a kernel and its arguments. Both sides look at the word again and again for a while, because the next
 * operation comes sooner than a thread wakes up, and then sleep until it changes.
 */
import { RunError } from "../formats/errors.ts";
import { type Cut, cuts } from "./cuts.ts";
import type { Heap, Scratch } from "./heap.ts";
import type { Kernels } from "./modules.ts";

/** The most threads that may be asked for. */
export const mostThreads = 64;

/** What the word of a box says. */
const state = { idle: 0, offered: 1, taken: 2, failed: 3 } as const;

/** A box, in bytes: the word in a cache line of its own, the call, and what kernels write while they run. */
const box = { callAt: 64, ownAt: 256, bytes: 448 } as const;

/** How long a word is looked at before a thread sleeps, in milliseconds: most of what is between two operations. */
const watch = 1;

/** A slice is of so many elements, or products of elements, at least: less is done sooner than handed over. */
const leastWork = 4096;

/** A thread that takes longer than this for a slice, in milliseconds, is lost. */
const patience = 120_000;

/** What a thread starts with. */
interface Start {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Names of the kernels that are cut, by number. */
  names: readonly string[];
  /** Addresses. */
  word: number;
  call: number;
  own: number;
  watch: number;
  state: typeof state;
}

/** Makes the call in a box: the number of a kernel and its arguments, no list of them, which would be allocated. */
function perform(kernels: readonly Kernels[string][], c: Float64Array): void {
  // What a kernel does not take is passed over.
  // biome-ignore format: a list
  kernels[c[0]](
    c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10],
    c[11], c[12], c[13], c[14], c[15], c[16], c[17], c[18], c[19], c[20],
  );
}
const mostArguments = 20;

/** Looks at a word for so many milliseconds; whether it says something else than `value` before they are over. */
function changes(word: Int32Array, value: number, milliseconds: number): boolean {
  const end = performance.now() + milliseconds;
  do {
    for (let look = 0; look < 100; look++) if (Atomics.load(word, 0) !== value) return true;
  } while (performance.now() < end);
  return false;
}

/**
 * What a thread does until it is ended or a kernel fails. This function and those that it is given are sent as text:
 * they refer to nothing outside, and name no function inside, which some bundlers would wrap in a helper of theirs.
 */
function serve(
  { module, memory, names, watch, state, ...at }: Start,
  { perform: call, changes: watched }: { perform: typeof perform; changes: typeof changes },
  ready: (message: string) => void,
): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports.setOwn as (address: number) => void)(at.own);
  const kernels = names.map((name) => exports[name] as (...operands: number[]) => number);
  const word = new Int32Array(memory.buffer, at.word, 1);
  const box = new Float64Array(memory.buffer, at.call, 21);
  ready("ready");
  for (;;) {
    if (!watched(word, state.idle, watch)) Atomics.wait(word, 0, state.idle);
    if (Atomics.compareExchange(word, 0, state.offered, state.taken) !== state.offered) continue;
    let answer: number = state.failed;
    try {
      call(kernels, box);
      answer = state.idle;
    } finally {
      Atomics.store(word, 0, answer);
      Atomics.notify(word, 0);
    }
  }
}

/** What ends a thread, wherever it runs. */
interface Thread {
  terminate(): unknown;
}

/** Starts a thread. `lose` hears when it ends by itself. */
function startThread(start: Start, lose: (reason: string) => void): Promise<Thread> {
  // Not an import: browsers and bundlers never see it.
  const node = typeof process === "object" ? process.getBuiltinModule?.("node:worker_threads") : undefined;
  const tools = `{ perform: ${perform}, changes: ${changes} }`;
  const text = node
    ? `const { parentPort, workerData } = require("node:worker_threads");
       (${serve})(workerData, ${tools}, (message) => parentPort.postMessage(message));`
    : `onmessage = ({ data }) => (${serve})(data, ${tools}, (message) => postMessage(message));`;
  return new Promise((resolve, reject) => {
    const end = (reason: string) => {
      lose(reason);
      reject(new RunError(`a thread cannot start: ${reason}`));
    };
    if (node) {
      const worker = new node.Worker(text, { eval: true, workerData: start, execArgv: [] });
      worker.on("error", ({ message }) => end(message));
      worker.on("exit", (code) => end(`it ended with code ${code}`));
      worker.once("message", () => {
        worker.unref(); // the process ends when all else is done
        resolve(worker);
      });
    } else {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const worker = new Worker(url);
      worker.onerror = ({ message }) => end(message);
      worker.onmessage = () => {
        URL.revokeObjectURL(url);
        resolve(worker);
      };
      worker.postMessage(start);
    }
  });
}

/** One of the others, as the leader sees it. */
interface Mate {
  readonly word: Int32Array;
  readonly call: Float64Array;
  readonly thread: Thread;
}

export class Team {
  /** The kernels; those that can be cut are done by all threads. */
  readonly kernels: Kernels;
  /** Those that can be cut, by number, as the leader's instance has them. */
  readonly #own: readonly Kernels[string][];
  readonly #scratch: Scratch;
  readonly #mates: Mate[] = [];
  readonly #maySleep = maySleep();
  /** Why there are fewer threads than there were. */
  #loss: string | undefined;

  /**
   * Starts the threads that are missing besides the leader, which is the one that calls this.
   *
   * @param module takes a shared memory, that of the heap
   * @param kernels as the leader's instance has them
   * @throws RunError where the host gives no threads
   */
  static async start(
    threads: number,
    module: WebAssembly.Module,
    kernels: Kernels,
    heap: Heap,
    scratch: Scratch,
  ): Promise<Team> {
    const team = new Team(kernels, scratch);
    const starts = Array.from({ length: threads - 1 }, () => team.#startMate(module, heap));
    const failed = (await Promise.allSettled(starts)).find(({ status }) => status === "rejected");
    if (failed === undefined) return team;
    team.close();
    throw (failed as PromiseRejectedResult).reason;
  }

  private constructor(kernels: Kernels, scratch: Scratch) {
    const names = Object.keys(cuts);
    this.#own = names.map((name) => kernels[name]);
    this.#scratch = scratch;
    const together = names.map((name, number) => [name, this.#together(number, cuts[name])]);
    this.kernels = { ...kernels, ...Object.fromEntries(together) };
  }

  async #startMate(module: WebAssembly.Module, heap: Heap): Promise<void> {
    const address = heap.allocate(box.bytes, "scratch");
    const { memory } = heap;
    const word = new Int32Array(memory.buffer, address, 1);
    const call = new Float64Array(memory.buffer, address + box.callAt, 1 + mostArguments);
    const start = {
      module,
      memory,
      names: Object.keys(cuts),
      word: word.byteOffset,
      call: call.byteOffset,
      own: address + box.ownAt,
      watch,
      state,
    };
    const thread = await startThread(start, (reason) => this.#lose(reason));
    this.#mates.push({ word, call, thread });
  }

  /** A kernel done by all threads. */
  #together(number: number, cut: Cut): Kernels[string] {
    const kernel = this.#own[number];
    return (...operands) => {
      const count = operands[cut.count];
      const steps = Math.ceil(count / cut.step);
      const threads = 1 + this.#mates.length;
      const slices = Math.min(threads, steps, Math.floor(product(operands, cut.size) / leastWork));
      if (slices < 2) return kernel(...operands);

      this.#check();
      const first = Math.floor(steps / slices) * cut.step;
      for (let slice = 1, start = first; slice < slices; slice++) {
        const end = Math.min(Math.floor(((slice + 1) * steps) / slices) * cut.step, count);
        this.#offer(this.#mates[slice - 1], number, operands, cut, slice, start, end);
        start = end;
      }
      operands[cut.count] = first;
      kernel(...operands);
      for (let slice = 1; slice < slices; slice++) this.#join(this.#mates[slice - 1]);
      return 0;
    };
  }

  /** Offers what is from `start` to `end` of a call. */
  #offer(
    { word, call }: Mate,
    number: number,
    operands: number[],
    cut: Cut,
    slice: number,
    start: number,
    end: number,
  ): void {
    call[0] = number;
    for (let i = 0; i < operands.length; i++) call[1 + i] = operands[i];
    for (const { address, by } of cut.moving) {
      if (operands[address] !== 0) call[1 + address] += 4 * start * product(operands, by);
    }
    call[1 + cut.count] = end - start;
    if (cut.first >= 0) call[1 + cut.first] = start;
    if (cut.scratch >= 0) call[1 + cut.scratch] += slice * this.#scratch.bytes;
    Atomics.store(word, 0, state.offered);
    Atomics.notify(word, 0);
  }

  /** Waits until a slice is done, or does it. */
  #join({ word, call }: Mate): void {
    if (Atomics.compareExchange(word, 0, state.offered, state.idle) === state.offered) {
      perform(this.#own, call);
      return;
    }
    const started = performance.now();
    while (!changes(word, state.taken, watch)) {
      if (this.#maySleep) Atomics.wait(word, 0, state.taken, 1000);
      if (performance.now() > started + patience) this.#lose("it does not come back");
      this.#check();
    }
    if (Atomics.load(word, 0) === state.failed) this.#lose("it failed");
    this.#check();
  }

  #lose(reason: string): void {
    this.#loss ??= `a thread of this backend is lost: ${reason}`;
  }

  #check(): void {
    if (this.#loss !== undefined) throw new RunError(this.#loss);
  }

  /** Ends the threads. */
  close(): void {
    this.#loss ??= "this backend is closed";
    for (const { thread } of this.#mates) thread.terminate();
  }
}

/** The product of listed operands. */
function product(operands: readonly number[], places: readonly number[]): number {
  let result = 1;
  for (const place of places) result *= operands[place];
  return result;
}

/** Whether this thread may sleep: a page's own may not. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1); // not what is there: returns at once
    return true;
  } catch {
    return false;
  }
}
