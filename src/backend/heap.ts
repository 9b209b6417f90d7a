/**
 * The linear memory of one WebAssembly backend. Blocks are handed out one after the other and never taken back: a
 * training run allocates everything before its first step, and the memory goes when the backend goes.
 */

const page = 0x10000;
const limit = 0x100000000;

/** Blocks start at cache lines. */
const alignment = 64;
/** Behind each block, so that a kernel may load (never store) a few vectors beyond the end of its operand. */
const padding = 64;

export class Heap {
  readonly memory = new WebAssembly.Memory({ initial: 16 });
  readonly #maximum: number;
  #top = 0;
  #floats = new Float32Array(this.memory.buffer);
  #doubles = new Float64Array(this.memory.buffer);
  #words = new Uint32Array(this.memory.buffer);
  #bytes = new Uint8Array(this.memory.buffer);

  /** @param maximumBytes what the memory may grow to; WebAssembly itself ends at 4 GiB */
  constructor(maximumBytes: number = limit) {
    this.#maximum = Math.min(maximumBytes, limit);
  }

  /** Leaves everything below `address` to the kernels' own static data. */
  reserve(address: number): void {
    this.#top = Math.max(this.#top, address);
  }

  /** The address of `bytes` new bytes, all zero. */
  allocate(bytes: number): number {
    const start = Math.ceil(this.#top / alignment) * alignment;
    const end = start + bytes + padding;
    const size = this.memory.buffer.byteLength;
    if (!(end <= this.#maximum)) throw new RangeError(this.#refusal(bytes, start));
    if (end > size) {
      try {
        this.memory.grow(Math.ceil((end - size) / page));
      } catch {
        throw new RangeError(`${this.#refusal(bytes, start)}: the host gives no more`);
      }
    }
    this.#top = end;
    return start;
  }

  #refusal(bytes: number, used: number): string {
    return `cannot allocate ${bytes} bytes: ${used} of at most ${this.#maximum} are in use`;
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
