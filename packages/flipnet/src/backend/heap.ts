/**
 * The linear memory of one WebAssembly backend. A training takes everything before its first step and keeps it; what
 * belongs to a scope comes back with it, and is handed out again.
 */
import { RunError } from "../formats/errors.ts";
import type { Use } from "./backend.ts";
import { padding } from "./padding.ts";
import type { WasmMemory } from "./webassembly.ts";

const page = 0x10000;
const limit = 0x100000000;

/** Blocks start at cache lines, and are as many whole ones as they and the padding behind them need. */
const alignment = 64;

/** The memory as numbers of one kind. */
type View = "bytes" | "words" | "floats" | "doubles";

/** What a backend of kernels needs of its memory. Addresses are in bytes. */
export interface Heap {
  /** Bytes of blocks by what they are for, with what alignment and padding take. */
  readonly used: Readonly<Record<Use, number>>;
  /** Makes the memory `bytes` long or longer; false where that is too much for the heap or for the host. */
  reach(bytes: number): boolean;
  /** The address of `bytes` new bytes, all zero, with `padding` behind them. Throws `RangeError` beyond the limit. */
  allocate(bytes: number, use?: Use): number;
  /** Takes back what `allocate` gave. */
  free(address: number): void;
  /** Writes numbers from `address` on. */
  write(view: View, address: number, values: ArrayLike<number>): void;
  /** A copy of `length` numbers from `address` on, in an array of that length. */
  read(view: View, address: number, length: number, into?: Float64Array): Float64Array;
}

/** A host that gives no more memory. */
class MemoryError extends RunError {
  override name = "MemoryError";
}

/** A stretch of memory. */
interface Stretch {
  start: number;
  end: number;
}

export class WasmHeap implements Heap {
  readonly memory: WasmMemory;
  readonly used: Record<Use, number> = { matrices: 0, tables: 0, data: 0, scratch: 0 };
  /** Told whenever the memory has grown. */
  grown: () => void = () => {};
  readonly #maximum: number;
  /** Everything from here on was never handed out. */
  #top = 0;
  /** Handed out now, by address. */
  readonly #blocks = new Map<number, { end: number; use: Use }>();
  /** Taken back, below the top, in order and apart from one another. */
  readonly #free: Stretch[] = [];
  floats!: Float32Array;
  doubles!: Float64Array;
  words!: Uint32Array;
  bytes!: Uint8Array;

  /**
   * @param maximumBytes what the memory may grow to; WebAssembly itself ends at 4 GiB
   * @param shared among threads
   */
  constructor(maximumBytes: number = limit, shared = false) {
    this.#maximum = Math.min(maximumBytes, limit);
    // What is shared must say what it may grow to.
    const bounds = shared ? { maximum: Math.max(16, Math.floor(this.#maximum / page)), shared } : {};
    this.memory = new WebAssembly.Memory({ initial: 16, ...bounds });
    this.#look();
  }

  /** Growth detaches the buffer that views look into; to ask the memory for it at each use would cost more than the use. */
  #look(): void {
    const { buffer } = this.memory;
    this.floats = new Float32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.words = new Uint32Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /** Leaves everything below `address` to the kernels' own static data. */
  reserve(address: number): void {
    const end = Math.max(this.#top, aligned(address));
    this.used.scratch += end - this.#top;
    this.#top = end;
  }

  allocate(bytes: number, use: Use = "matrices"): number {
    const size = aligned(bytes + padding);
    const again = this.#free.find(({ start, end }) => end - start >= size);
    const start = again?.start ?? this.#top;
    if (again === undefined) this.#rise(bytes, start + size);
    else {
      this.bytes.fill(0, start, start + size);
      again.start += size;
      if (again.start === again.end) this.#free.splice(this.#free.indexOf(again), 1);
    }
    this.#blocks.set(start, { end: start + size, use });
    this.used[use] += size;
    return start;
  }

  /** Moves the top, for a block of so many bytes. */
  #rise(bytes: number, top: number): void {
    if (!this.reach(top)) {
      const refusal = `cannot allocate ${bytes} bytes: ${this.#top} of at most ${this.#maximum} are in use`;
      if (top <= this.#maximum) throw new MemoryError(`${refusal}, and the host gives no more`);
      throw new RangeError(refusal);
    }
    this.#top = top;
  }

  free(address: number): void {
    const { end, use } = this.#blocks.get(address)!;
    this.#blocks.delete(address);
    this.used[use] -= end - address;
    const after = this.#free.findIndex(({ start }) => start > address);
    const place = after < 0 ? this.#free.length : after;
    this.#free.splice(place, 0, { start: address, end });
    this.#join(place);
    if (place > 0) this.#join(place - 1);
  }

  /** Makes one of a free stretch and the next, where they touch. */
  #join(place: number): void {
    const [stretch, next] = this.#free.slice(place, place + 2);
    if (next === undefined || next.start > stretch.end) return;
    stretch.end = next.end;
    this.#free.splice(place + 1, 1);
  }

  reach(bytes: number): boolean {
    if (!(bytes <= this.#maximum)) return false;
    const size = this.memory.buffer.byteLength;
    if (bytes <= size) return true;
    // Each growth takes the host a while, and pages that nobody writes to cost nothing: so there are to be few.
    for (const target of [Math.max(bytes, Math.min(2 * size, this.#maximum)), bytes]) {
      try {
        this.memory.grow(Math.ceil((target - size) / page));
        this.#look();
        this.grown();
        return true;
      } catch {
        // Then less, or nothing.
      }
    }
    return false;
  }

  write(view: View, address: number, values: ArrayLike<number>): void {
    const numbers = this[view];
    const start = address / numbers.BYTES_PER_ELEMENT;
    if (values.length > short) numbers.set(values, start);
    else for (let i = 0; i < values.length; i++) numbers[start + i] = values[i];
  }

  read(
    view: View,
    address: number,
    length: number,
    into: Float64Array = new Float64Array(length),
  ): Float64Array {
    const numbers = this[view];
    const start = address / numbers.BYTES_PER_ELEMENT;
    if (length > short) into.set(numbers.subarray(start, start + length));
    else for (let i = 0; i < length; i++) into[i] = numbers[start + i];
    return into;
  }
}

/** So few numbers are copied sooner one by one than by a call. */
const short = 64;

const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

/** Hands out addresses without limit, and there is nothing there. */
export class DryHeap extends WasmHeap {
  /** @param start the first address */
  constructor(start: number) {
    super();
    this.reserve(start);
  }

  override reach(): boolean {
    return true;
  }

  override write(): void {}

  override read(_view: View, _address: number, length: number, into?: Float64Array): Float64Array {
    return into ?? new Float64Array(length);
  }
}

/** The most threads that may be asked for. */
export const mostThreads = 64;

/** Room for a kernel's own use until the next operation, of each thread. It grows to what the largest kernel needs. */
export class Scratch {
  /** What each thread has; they lie behind one another. */
  bytes = 0;
  readonly threads: number;
  readonly #heap: Heap;
  #pointer = 0;

  constructor(heap: Heap, threads: number) {
    this.#heap = heap;
    this.threads = threads;
  }

  /** The address of the first thread's. */
  room(bytes: number): number {
    if (bytes > this.bytes) {
      this.bytes = aligned(Math.max(bytes, 2 * this.bytes));
      this.#pointer = this.#heap.allocate(this.threads * this.bytes, "scratch");
    }
    return this.#pointer;
  }
}
