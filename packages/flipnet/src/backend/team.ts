/**
 * Threads that share the memory of a backend and divide the work of its kernels: fork and join. The thread that calls
 * a kernel, the leader, offers slices of it to the others, works on its own and waits for the rest. So one operation
 * is done before the next begins, and nothing above knows of threads. A slice that nobody has begun when the leader is
 * done, as on a machine that is busy with other things, the leader does too.
 *
 * Each of the others has a box in the shared memory: a word that says which slice it is about, by its number, and how
 * far that is, and the call to be made, the number of a kernel and its arguments. Both sides look at the word again and again for a while, because the next
 * operation comes sooner than a thread wakes up, and then sleep until it changes.
 */
import { RunError } from "../formats/errors.ts";
import { type Cut, cuts } from "./cuts.ts";
import type { Kernels } from "./generated/kernels.ts";
import type { Scratch, WasmHeap } from "./heap.ts";
import { type Kernel, type Loader, loadAddon } from "./modules.ts";
import type { WasmMemory, WasmModule } from "./webassembly.ts";

/** What the word of a box says in its last two bits; the others are the number of the slice. */
const state = { done: 0, offered: 1, taken: 2, failed: 3, bits: 3 } as const;

/** A box, in bytes: the word in a cache line of its own, the call, and what kernels write while they run. */
const box = { callAt: 64, ownAt: 256, bytes: 448 } as const;

/** How long a word is looked at before a thread sleeps, in milliseconds: most of what is between two operations. */
const watch = 1;

/** A slice is of so many elements, or products of elements, at least: less is done sooner than handed over. */
const leastWork = 4096;

/** A thread that takes longer than this to start, or for a slice, in seconds, is lost. */
const longest = 120;

/** What a thread starts with. */
interface Start {
  module: WasmModule;
  memory: WasmMemory;
  /** A file with kernels that take the place of the module's. */
  addon: string | undefined;
  /** Names of the kernels that are cut, by number. */
  names: readonly string[];
  /** Addresses. */
  word: number;
  call: number;
  own: number;
  watch: number;
  state: typeof state;
}

/**
 * A call: the number of a kernel, and its arguments. Calls are written into arrays that are there already, because a
 * list of arguments would be allocated. What a kernel does not take is passed over.
 */
type Call = Float64Array;
const mostArguments = 20;

/** Makes a call. */
function perform(kernels: readonly Kernel[], c: Call): void {
  // biome-ignore format: a list
  kernels[c[0]](
    c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10],
    c[11], c[12], c[13], c[14], c[15], c[16], c[17], c[18], c[19], c[20],
  );
}

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
  { module, memory, addon, names, watch, state, ...at }: Start,
  tools: { perform: typeof perform; changes: typeof changes; loadAddon: typeof loadAddon },
  ready: (message: string) => void,
  load?: Loader,
): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory: memory as WebAssembly.Memory } });
  (exports.setOwn as (address: number) => void)(at.own);
  const { kernels: others } = tools.loadAddon(addon, memory, load);
  const all = { ...exports, ...others } as Record<string, (...operands: number[]) => number>;
  const kernels = names.map((name) => all[name]);
  const word = new Int32Array(memory.buffer, at.word, 1);
  const box = new Float64Array(memory.buffer, at.call, 21);
  ready("ready");
  for (;;) {
    const seen = Atomics.load(word, 0);
    const slice = seen - (seen & state.bits);
    if (seen !== slice + state.offered) {
      if (!tools.changes(word, seen, watch)) Atomics.wait(word, 0, seen);
      continue;
    }
    if (Atomics.compareExchange(word, 0, seen, slice + state.taken) !== seen) continue;
    let answer = slice + state.failed;
    try {
      tools.perform(kernels, box);
      answer = slice + state.done;
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

/** What a thread says of itself: that it is ready, or why it ended. */
interface Ears {
  ready(): void;
  lost(reason: string): void;
}

/** Starts a thread. @throws what the host throws that gives none */
function openThread(start: Start, { ready, lost }: Ears): Thread {
  // Not an import: browsers and bundlers never see it.
  const node = typeof process === "object" ? process.getBuiltinModule?.("node:worker_threads") : undefined;
  const tools = `{ perform: ${perform}, changes: ${changes}, loadAddon: ${loadAddon} }`;
  if (node) {
    const text = `const { parentPort, workerData } = require("node:worker_threads");
      (${serve})(workerData, ${tools}, (message) => parentPort.postMessage(message), require);`;
    const worker = new node.Worker(text, { eval: true, workerData: start, execArgv: [] });
    worker.on("error", ({ message }) => lost(message));
    worker.on("exit", (code) => lost(`it ended with code ${code}`));
    worker.once("message", () => {
      worker.unref(); // the process ends when all else is done
      ready();
    });
    return worker;
  }
  const text = `onmessage = ({ data }) => (${serve})(data, ${tools}, (message) => postMessage(message));`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = new Worker(url);
  // A page's policy says no without a word.
  worker.onerror = ({ message }) => lost(message ?? "this page allows no workers from blob: URLs");
  worker.onmessage = () => {
    URL.revokeObjectURL(url);
    ready();
  };
  worker.postMessage(start);
  return worker;
}

/** A thread that is ready. `lose` hears when it ends by itself. @throws RunError if that is within `patience` seconds */
async function startThread(start: Start, patience: number, lose: (reason: string) => void): Promise<Thread> {
  let thread: Thread | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await new Promise<void>((ready, refuse) => {
      const lost = (reason: string) => {
        lose(reason);
        refuse(new Error(reason));
      };
      thread = openThread(start, { ready, lost });
      timer = setTimeout(lost, 1000 * patience, `it is not ready after ${patience} seconds`);
    });
    return thread!;
  } catch (cause) {
    thread?.terminate();
    throw new RunError(`a thread cannot start: ${(cause as Error).message}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** One of the others, as the leader sees it. */
interface Mate {
  readonly word: Int32Array;
  readonly call: Call;
  readonly thread: Thread;
  /** The number of the last slice that it was offered, in place. */
  slice: number;
}

export class Team {
  /** The kernels; those that can be cut are done by all threads. */
  readonly kernels: Kernels;
  /** Those that can be cut, by number, as the leader's instance has them. */
  readonly #own: readonly Kernel[];
  readonly #scratch: Scratch;
  readonly #patience: number;
  readonly #mates: Mate[] = [];
  /** The one to be made now, and then the leader's slice of it. */
  readonly #call: Call = new Float64Array(1 + mostArguments);
  readonly #maySleep = maySleep();
  /** Why there are fewer threads than there were. */
  #loss: string | undefined;

  /**
   * Starts the threads that are missing besides the leader, which is the one that calls this.
   *
   * @param module takes a shared memory, that of the heap
   * @param kernels as the leader has them
   * @param patience how many seconds a thread may take to start, or for a slice
   * @throws RunError where the host gives no threads
   */
  static async start(
    threads: number,
    module: WasmModule,
    kernels: Kernels,
    heap: WasmHeap,
    scratch: Scratch,
    { patience = longest, addon }: { patience?: number; addon?: string | undefined } = {},
  ): Promise<Team> {
    const team = new Team(kernels, scratch, patience);
    const starts = Array.from({ length: threads - 1 }, () => team.#startMate(module, heap, addon));
    const failed = (await Promise.allSettled(starts)).find(({ status }) => status === "rejected");
    if (failed === undefined) return team;
    team.close();
    throw (failed as PromiseRejectedResult).reason;
  }

  private constructor(kernels: Kernels, scratch: Scratch, patience: number) {
    this.#own = cuts.map(({ kernel }) => kernels[kernel] as Kernel);
    this.#scratch = scratch;
    this.#patience = patience;
    const together = cuts.map((cut, number) => [cut.kernel, this.#together(number, cut)]);
    this.kernels = { ...kernels, ...Object.fromEntries(together) };
  }

  async #startMate(module: WasmModule, heap: WasmHeap, addon: string | undefined): Promise<void> {
    const address = heap.allocate(box.bytes, "scratch");
    const { memory } = heap;
    const word = new Int32Array(memory.buffer, address, 1);
    const call = new Float64Array(memory.buffer, address + box.callAt, 1 + mostArguments);
    const start = {
      module,
      memory,
      addon,
      names: cuts.map(({ kernel }) => kernel),
      word: word.byteOffset,
      call: call.byteOffset,
      own: address + box.ownAt,
      watch,
      state,
    };
    const thread = await startThread(start, this.#patience, (reason) => this.#lose(reason));
    this.#mates.push({ word, call, thread, slice: 0 });
  }

  /** A kernel done by all threads. */
  #together(number: number, cut: Cut): Kernel {
    const call = this.#call;
    // biome-ignore format: a list
    return (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t) => {
      call[0] = number;
      call[1] = a; call[2] = b; call[3] = c; call[4] = d; call[5] = e;
      call[6] = f; call[7] = g; call[8] = h; call[9] = i; call[10] = j;
      call[11] = k; call[12] = l; call[13] = m; call[14] = n; call[15] = o;
      call[16] = p; call[17] = q; call[18] = r; call[19] = s; call[20] = t;
      this.#divide(cut);
      return 0;
    };
  }

  /** Makes the leader's call. */
  #divide(cut: Cut): void {
    const call = this.#call;
    const count = call[1 + cut.count];
    const steps = Math.ceil(count / cut.step);
    const threads = 1 + this.#mates.length;
    const slices = Math.min(threads, steps, Math.floor(product(call, cut.size) / leastWork));
    if (slices >= 2) {
      this.#check();
      const first = Math.floor(steps / slices) * cut.step;
      for (let slice = 1, start = first; slice < slices; slice++) {
        const end = Math.min(Math.floor(((slice + 1) * steps) / slices) * cut.step, count);
        this.#offer(this.#mates[slice - 1], cut, slice, start, end);
        start = end;
      }
      call[1 + cut.count] = first;
    }
    try {
      perform(this.#own, call);
    } finally {
      this.#joinAll(slices);
    }
  }

  /** Waits for all slices but the leader's, also where one of them fails. */
  #joinAll(slices: number): void {
    let failure: unknown;
    for (let slice = 1; slice < slices; slice++) {
      try {
        this.#join(this.#mates[slice - 1]);
      } catch (reason) {
        failure ??= reason;
      }
    }
    if (failure !== undefined) throw failure;
  }

  /** Offers what is from `start` to `end` of the leader's call. */
  #offer(mate: Mate, cut: Cut, slice: number, start: number, end: number): void {
    const { word, call } = mate;
    const whole = this.#call;
    call.set(whole);
    for (const { address, by } of cut.moving) {
      if (whole[1 + address] !== 0) call[1 + address] += 4 * start * product(whole, by);
    }
    call[1 + cut.count] = end - start;
    if (cut.first >= 0) call[1 + cut.first] = start;
    if (cut.scratch >= 0) call[1 + cut.scratch] += slice * this.#scratch.bytes;
    mate.slice = (mate.slice + state.bits + 1) & 0x7fffffff;
    Atomics.store(word, 0, mate.slice + state.offered);
    Atomics.notify(word, 0);
  }

  /** Waits until a slice is done, or does it. */
  #join({ word, call, slice }: Mate): void {
    const offered = slice + state.offered;
    if (Atomics.compareExchange(word, 0, offered, slice + state.done) === offered) {
      perform(this.#own, call);
      return;
    }
    // Seconds that this process is awake: one that was stopped goes on.
    const second = 1000;
    for (let seconds = 0; !changes(word, slice + state.taken, this.#maySleep ? watch : second); seconds++) {
      if (seconds >= this.#patience) this.#lose(`it does not come back within ${seconds} seconds`);
      this.#check();
      if (this.#maySleep) Atomics.wait(word, 0, slice + state.taken, second);
    }
    if (Atomics.load(word, 0) !== slice + state.done) this.#lose("it failed");
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

/** The product of listed arguments. */
function product(call: Call, places: readonly number[]): number {
  let result = 1;
  for (const place of places) result *= call[1 + place];
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
