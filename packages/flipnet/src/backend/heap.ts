/**
 * The linear memory of one WebAssembly backend. Blocks are handed out one after the other and never taken back: a
 * training run allocates everything before its first step, and the memory goes when the backend goes.
 */
import { RunError } from "../formats/errors.ts";

const page = 0x10000;
const limit = 0x100000000;

/** Blocks start at cache lines. */
const alignment = 64;
/** Behind each block, so that a kernel may load (never store) a few vectors beyond the end of its operand. */
const padding = 64;

/** What blocks are for. */
export type Use = "matrices" | "tables" | "data" | "scratch";

/** The memory as numbers of one kind. */
type View = "bytes" | "words" | "floats" | "doubles";

/** A host that gives no more memory. */
class MemoryError extends RunError {
  override name = "MemoryError";
}

export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Bytes of blocks by what they are for, with what alignment and padding take. */
  readonly used: Record<Use, number> = { matrices: 0, tables: 0, data: 0, scratch: 0 };
  readonly #maximum: number;
  #top = 0;
  #floats: Float32Array;
  #doubles: Float64Array;
  #words: Uint32Array;
  #bytes: Uint8Array;

  /**
   * @param maximumBytes what the memory may grow to; WebAssembly itself ends at 4 GiB
   * @param shared among threads
   */
  constructor(maximumBytes: number = limit, shared = false) {
    this.#maximum = Math.min(maximumBytes, limit);
    // What is shared must say what it may grow to.
    const bounds = shared ? { maximum: Math.max(16, Math.floor(this.#maximum / page)), shared } : {};
    this.memory = new WebAssembly.Memory({ initial: 16, ...bounds });
    this.#floats = new Float32Array(this.memory.buffer);
    this.#doubles = new Float64Array(this.memory.buffer);
    this.#words = new Uint32Array(this.memory.buffer);
    this.#bytes = new Uint8Array(this.memory.buffer);
  }

  /** Leaves everything below `address` to the kernels' own static data. */
  reserve(address: number): void {
    this.used.scratch += Math.max(0, address - this.#top);
    this.#top = Math.max(this.#top, address);
  }

  /** The address of `bytes` new bytes, all zero. */
  allocate(bytes: number, use: Use = "matrices"): number {
    const start = Math.ceil(this.#top / alignment) * alignment;
    const end = start + bytes + padding;
    if (!this.reach(end)) {
      const refusal = `cannot allocate ${bytes} bytes: ${start} of at most ${this.#maximum} are in use`;
      if (end <= this.#maximum) throw new MemoryError(`${refusal}, and the host gives no more`);
      throw new RangeError(refusal);
    }
    this.used[use] += end - this.#top;
    this.#top = end;
    return start;
  }

  /** Makes the memory `bytes` long or longer; false where that is too much for the heap or for the host. */
  reach(bytes: number): boolean {
    if (!(bytes <= this.#maximum)) return false;
    const size = this.memory.buffer.byteLength;
    if (bytes <= size) return true;
    // Each growth takes the host a while, and pages that nobody writes to cost nothing: so there are to be few.
    for (const target of [Math.max(bytes, Math.min(2 * size, this.#maximum)), bytes]) {
      try {
        this.memory.grow(Math.ceil((target - size) / page));
        return true;
      } catch {
        // Then less, or nothing.
      }
    }
    return false;
  }

  /** Writes numbers from `address` on. */
  write(view: View, address: number, values: ArrayLike<number>): void {
    this[view].set(values, address / this[view].BYTES_PER_ELEMENT);
  }

  /** A copy of `length` numbers from `address` on, in an array of that length. */
  read(
    view: View,
    address: number,
    length: number,
    into: Float64Array = new Float64Array(length),
  ): Float64Array {
    const start = address / this[view].BYTES_PER_ELEMENT;
    into.set(this[view].subarray(start, start + length));
    return into;
  }

  // Growth detaches the buffer that views look into.

  get floats(): Float32Array {
    if (this.#floats.buffer !== this.memory.buffer) this.#floats = new Float32Array(this.memory.buffer);
    return this.#floats;
  }

  get doubles(): Float64Array {
    if (this.#doubles.buffer !== this.memory.buffer) this.#doubles = new Float64Array(this.memory.buffer);
    return this.#doubles;
  }

  get words(): Uint32Array {
    if (this.#words.buffer !== this.memory.buffer) this.#words = new Uint32Array(this.memory.buffer);
    return this.#words;
  }

  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.memory.buffer) this.#bytes = new Uint8Array(this.memory.buffer);
    return this.#bytes;
  }
}

/** Hands out addresses without limit, and there is nothing there. */
export class DryHeap extends Heap {
  override reach(): boolean {
    return true;
  }

  override write(): void {}

  override read(_view: View, _address: number, length: number, into?: Float64Array): Float64Array {
    return into ?? new Float64Array(length);
  }
}

/** Room for a kernel's own use until the next operation, of each thread. It grows to what the largest kernel needs. */
export class Scratch {
  /** What each thread has; they lie behind one another. */
  bytes = 0;
  readonly #heap: Heap;
  readonly threads: number;
  #pointer = 0;

  constructor(heap: Heap, threads: number) {
    this.#heap = heap;
    this.threads = threads;
  }

  /** The address of the first thread's. */
  room(bytes: number): number {
    if (bytes > this.bytes) {
      this.bytes = alignment * Math.ceil(Math.max(bytes, 2 * this.bytes) / alignment);
      this.#pointer = this.#heap.allocate(this.threads * this.bytes, "scratch");
    }
    return this.#pointer;
  }
}
