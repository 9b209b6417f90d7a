/** The operations of `backend.ts` in float32, by the SIMD kernels. */

import { InputError, RunError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import type { Key } from "../random/threefry.ts";
import type {
  AdamStep,
  Bytes,
  Coding,
  Features,
  FlipTables,
  ImmediateBackend,
  Indices,
  Matrix,
  MemoryPlanner,
  Outcome,
  Scope,
  Sums,
  Use,
  Window,
} from "./backend.ts";
import type { Kernels } from "./generated/kernels.ts";
import { DryHeap, type Heap, mostThreads, Scratch, WasmHeap } from "./heap.ts";
import { bestKernels, type KernelKind, partsOf } from "./kinds.ts";
import { type Addon, kernelModule, kindOf, loadAddon, loader, type ModuleKind } from "./modules.ts";
import { shapes } from "./shapes.ts";
import type { Team } from "./team.ts";
import type { WasmModule } from "./webassembly.ts";

/** What a wasm backend may be told. */
export interface WasmOptions {
  /** Default: the fastest that the host has. Runs repeat bit for bit within one kind only. */
  kernels?: KernelKind;
  /**
   * The kernels as a compiled `WebAssembly.Module`, for hosts that compile nothing when they run: of the bytes in
   * `flipnet/kernels/portable.wasm` or `flipnet/kernels/relaxed.wasm`. It works on one thread. Default: compiled here.
   */
  module?: WasmModule;
  /** Kernels that take the place of some of these. */
  addon?: Addon;
  /** What the backend's memory may grow to; at most and by default 4 GiB. */
  maximumBytes?: number;
  /**
   * How many threads work on an operation, this one among them: 1 (default) to 64. Results are the same bits. In a
   * browser more than one take a page that is cross-origin isolated.
   */
  threads?: number;
}

const optionNames: Names<WasmOptions> = { kernels: 1, module: 1, addon: 1, maximumBytes: 1, threads: 1 };

/** The backend, and its memory. */
export interface WasmBackend extends ImmediateBackend {
  readonly features: Features & { readonly immediate: WasmBackend; readonly memory: MemoryPlanner };
  /** That work on an operation. */
  readonly threads: number;
}

/** A block of a heap, or a part of one: a matrix of float32, or a list of bytes, of uint32 or of float64. */
interface Block {
  readonly pointer: number;
  /** None once its scope is released. */
  heap: Heap | undefined;
}

/** Row numbers, and the largest of them. */
interface Rows extends Indices, Block {
  largest: number;
}

/** `steps` is the address of what entropies need beside the rest, or 0 until they have asked for it. */
interface Tables extends FlipTables, Block {
  steps: number;
  readonly owner: Owner | undefined;
}

/** What a scope has: addresses to be freed, operands that end with it, and scopes within it. */
class Owner implements Scope {
  readonly addresses: number[] = [];
  readonly blocks: Block[] = [];
  readonly within: Owner[] = [];
  readonly #backend: Wasm;
  readonly #heap: Heap;

  constructor(backend: Wasm, heap: Heap) {
    this.#backend = backend;
    this.#heap = heap;
  }

  run<T>(work: () => T): T {
    const before = this.#backend.owner;
    this.#backend.owner = this;
    try {
      return work();
    } finally {
      this.#backend.owner = before;
    }
  }

  release(): void {
    for (const scope of this.within.splice(0)) scope.release();
    for (const block of this.blocks.splice(0)) block.heap = undefined;
    for (const address of this.addresses.splice(0)) this.#heap.free(address);
  }
}

class Wasm implements WasmBackend {
  readonly name = "wasm";
  readonly features: WasmBackend["features"];
  /** Whose memory is allocated now; the backend's own where there is none. */
  owner: Owner | undefined;
  readonly #heap: Heap;
  readonly #scratch: Scratch;
  readonly #run: Kernels;
  readonly #team: Team | undefined;

  constructor(arithmetic: string, heap: Heap, scratch: Scratch, run: Kernels, team: Team | undefined) {
    const own = heap.used.scratch;
    this.features = {
      arithmetic,
      dtype: "F32",
      immediate: this,
      memory: {
        used: heap.used,
        reach: (bytes) => heap.reach(bytes),
        dry: () => {
          const counted = new DryHeap(own);
          return new Wasm(
            arithmetic,
            counted,
            new Scratch(counted, scratch.threads),
            dryKernels(run),
            undefined,
          );
        },
      },
    };
    this.#heap = heap;
    this.#scratch = scratch;
    this.#run = run;
    this.#team = team;
  }

  get threads(): number {
    return this.#scratch.threads;
  }

  close(): void {
    this.#team?.close();
  }

  /** The address of an operand. */
  #at(operand: Matrix | Bytes | Indices | Sums | FlipTables): number {
    const { pointer, heap } = operand as unknown as Block;
    if (heap !== this.#heap) refuse(heap);
    return pointer;
  }

  // ---- memory -------------------------------------------------------------------------------------------------

  scope(): Scope {
    const scope = new Owner(this, this.#heap);
    this.owner?.within.push(scope);
    return scope;
  }

  #allocate(bytes: number, use: Use, owner = this.owner): number {
    const address = this.#heap.allocate(bytes, use);
    owner?.addresses.push(address);
    return address;
  }

  #owned<T extends Block>(block: T): T {
    this.owner?.blocks.push(block);
    return block;
  }

  #list(length: number, bytesEach: number, use: Use): { length: number } & Block {
    shapes.sizes("list", length);
    return this.#owned({ length, pointer: this.#allocate(length * bytesEach, use), heap: this.#heap });
  }

  matrix(rows: number, columns: number): Matrix {
    shapes.sizes("matrix", rows, columns);
    const pointer = this.#allocate(rows * columns * 4, "matrices");
    return this.#owned<Matrix & Block>({ rows, columns, holdsBits: false, pointer, heap: this.#heap });
  }

  view(m: Matrix, offset: number, rows: number, columns: number): Matrix {
    shapes.view(m, offset, rows, columns);
    const pointer = this.#at(m) + offset * 4;
    const { holdsBits } = m;
    return this.#owned<Matrix & Block>({ rows, columns, holdsBits, pointer, heap: this.#heap });
  }

  bytes(data: Uint8Array): Bytes {
    const list = this.#list(data.length, 1, "data");
    this.#heap.write("bytes", list.pointer, data);
    return list;
  }

  indices(length: number): Indices {
    return Object.assign(this.#list(length, 4, "data"), { largest: 0 });
  }

  sums(length: number): Sums {
    return this.#list(length, 8, "matrices");
  }

  expectBits(m: Matrix): void {
    if (m.holdsBits) return;
    shapes.bits("expectBits", this.readNow(m));
    (m as { holdsBits: boolean }).holdsBits = true;
  }

  write(m: Matrix, values: ArrayLike<number>, offset = 0): void {
    shapes.range("write", offset, values.length, m.rows * m.columns);
    if (m.holdsBits) shapes.bits("write", values);
    this.#heap.write("floats", this.#at(m) + 4 * offset, values);
  }

  writeIndices(indices: Indices, values: ArrayLike<number>): void {
    shapes.range("writeIndices", 0, values.length, indices.length);
    this.#heap.write("words", this.#at(indices), values);
    let largest = 0;
    for (let i = 0; i < indices.length; i++) largest = Math.max(largest, values[i] ?? largest);
    (indices as Rows).largest = largest;
  }

  writeSums(sums: Sums, values: ArrayLike<number>): void {
    shapes.range("writeSums", 0, values.length, sums.length);
    this.#heap.write("doubles", this.#at(sums), values);
  }

  readNow(m: Matrix, into?: Float64Array): Float64Array {
    return this.#heap.read("floats", this.#at(m), m.rows * m.columns, into);
  }

  async read(m: Matrix): Promise<Float64Array> {
    return this.readNow(m);
  }

  async readSums(sums: Sums): Promise<Float64Array> {
    return this.#heap.read("doubles", this.#at(sums), sums.length);
  }

  // ---- data ---------------------------------------------------------------------------------------------------

  /** The address of `order[first]`, once the rows named from there on are known to be among `count`. */
  #batch(operation: string, order: Indices, first: number, out: Matrix, count: number): number {
    shapes.batch(operation, order, first, out);
    const start = this.#at(order) + first * 4;
    if ((order as Rows).largest >= count) {
      const row = this.#heap.read("words", start, out.rows).find((row) => row >= count);
      if (row !== undefined) throw new RangeError(`${operation}: order names row ${row} of ${count}`);
    }
    return start;
  }

  binarise(images: Bytes, order: Indices, first: number, key: Key, out: Matrix): void {
    const rows = this.#batch("binarise", order, first, out, Math.floor(images.length / out.columns));
    this.#run.binarise(this.#at(images), rows, this.#at(out), out.rows, out.columns, key.k0, key.k1);
  }

  gatherRows(source: Matrix, order: Indices, first: number, out: Matrix): void {
    shapes.gatherRows(source, out);
    const rows = this.#batch("gatherRows", order, first, out, source.rows);
    this.#run.gatherRows(this.#at(source), rows, this.#at(out), out.rows, out.columns);
  }

  gatherLabels(labels: Bytes, order: Indices, first: number, out: Matrix): void {
    shapes.gatherLabels(out);
    const rows = this.#batch("gatherLabels", order, first, out, labels.length);
    this.#run.gatherLabels(this.#at(labels), rows, this.#at(out), out.rows);
  }

  uniforms(key: Key, out: Matrix): void {
    this.#run.uniforms(this.#at(out), 0, out.rows * out.columns, key.k0, key.k1);
  }

  fairBits(key: Key, out: Matrix): void {
    this.#run.fairBits(this.#at(out), 0, out.rows * out.columns, key.k0, key.k1);
  }

  addressedBit(bits: Matrix, k: number, out: Matrix): void {
    shapes.addressedBit(bits, k, out);
    this.#run.addressedBit(this.#at(bits), this.#at(out), bits.rows, bits.columns, k);
  }

  // ---- products -----------------------------------------------------------------------------------------------

  broadcast(bias: Matrix, out: Matrix): void {
    shapes.broadcast("broadcast", bias, out);
    this.#run.broadcast(this.#at(bias), this.#at(out), out.rows, out.columns);
  }

  product(x: Matrix, coding: Coding, weights: Matrix, out: Matrix): void {
    shapes.product(x, weights, out);
    const { rows: I, columns: J } = weights;
    if (coding === "real") {
      this.#run.dense(this.#at(x), this.#at(weights), this.#at(out), x.rows, I, J);
      return;
    }
    const plusMinus = coding === "plus-minus" ? 1 : 0;
    const scratch = this.#scratch.room(4 * (I + J + 8));
    this.#run.productBits(this.#at(x), this.#at(weights), this.#at(out), x.rows, I, J, plusMinus, scratch);
  }

  transposedProduct(g: Matrix, weights: Matrix, out: Matrix, accumulate: boolean): void {
    shapes.transposedProduct("transposedProduct", g, weights, out);
    const { rows, columns } = weights;
    const sum = accumulate ? 1 : 0;
    this.#run.transposedProduct(this.#at(g), this.#at(weights), this.#at(out), g.rows, rows, columns, sum);
  }

  outerProduct(x: Matrix, coding: Coding, g: Matrix, out: Matrix, accumulate: boolean): void {
    shapes.outerProduct(x, g, out);
    const sum = accumulate ? 1 : 0;
    const { rows: B, columns: I } = x;
    const J = g.columns;
    if (coding === "real") {
      const scratch = this.#scratch.room(4 * 16 * B);
      this.#run.outerProduct(this.#at(x), this.#at(g), this.#at(out), B, I, J, I, sum, scratch);
      return;
    }
    const plusMinus = coding === "plus-minus" ? 1 : 0;
    const scratch = this.#scratch.room(4 * (B + J + 4));
    this.#run.outerProductBits(this.#at(x), this.#at(g), this.#at(out), B, I, J, I, plusMinus, sum, scratch);
  }

  columnMeans(g: Matrix, out: Matrix, accumulate: boolean): void {
    shapes.columnMeans(g, out);
    this.#run.columnMeans(this.#at(g), this.#at(out), g.rows, g.columns, accumulate ? 1 : 0);
  }

  rowDots(a: Matrix, b: Matrix, coding: Coding, out: Matrix, accumulate: boolean): void {
    shapes.rowDots(a, b, out);
    const plusMinus = coding === "plus-minus" ? 1 : 0;
    const sum = accumulate ? 1 : 0;
    this.#run.rowDots(this.#at(a), this.#at(b), this.#at(out), a.rows, a.columns, plusMinus, sum);
  }

  // ---- convolutions -------------------------------------------------------------------------------------------

  convolve(x: Matrix, window: Window, weights: Matrix, bias: Matrix, out: Matrix): void {
    shapes.convolution("convolve", x, window, weights, out);
    shapes.broadcast("convolve", bias, weights);
    const { height, width, channels, kernel } = window;
    this.#run.convolve(
      this.#at(x),
      this.#at(weights),
      this.#at(bias),
      this.#at(out),
      x.rows,
      height,
      width,
      channels,
      height - kernel + 1,
      width - kernel + 1,
      weights.columns,
    );
  }

  convolveBack(g: Matrix, window: Window, weights: Matrix, out: Matrix): void {
    shapes.convolution("convolveBack", out, window, weights, g);
    const { height, width, channels, kernel } = window;
    const rows = height - kernel + 1;
    const columns = width - kernel + 1;
    const J = weights.columns;
    const floats = this.#run.convolveBackScratchFloats(height, width, channels, rows, columns, J);
    this.#run.convolveBack(
      this.#at(g),
      this.#at(weights),
      this.#at(out),
      g.rows,
      height,
      width,
      channels,
      rows,
      columns,
      J,
      this.#scratch.room(4 * floats),
    );
  }

  convolutionGradient(x: Matrix, window: Window, g: Matrix, out: Matrix): void {
    shapes.convolution("convolutionGradient", x, window, out, g);
    const { height, width, channels, kernel } = window;
    this.#run.convolutionGradient(
      this.#at(x),
      this.#at(g),
      this.#at(out),
      0,
      out.rows,
      x.rows,
      height,
      width,
      channels,
      height - kernel + 1,
      width - kernel + 1,
      out.columns,
    );
  }

  rectifierGradient(y: Matrix, g: Matrix): void {
    shapes.elementwise("rectifierGradient", y, g);
    this.#run.rectifierGradient(this.#at(y), this.#at(g), y.rows * y.columns);
  }

  // ---- units --------------------------------------------------------------------------------------------------

  sigmoid(logits: Matrix, p: Matrix, q: Matrix): void {
    shapes.elementwise("sigmoid", logits, p, q);
    this.#run.sigmoid(this.#at(logits), this.#at(p), this.#at(q), p.rows * p.columns);
  }

  softmax(logits: Matrix, choices: number, p: Matrix): void {
    shapes.groups("softmax", choices, logits, p);
    this.#run.softmax(this.#at(logits), this.#at(p), (p.rows * p.columns) / choices, choices);
  }

  choiceOdds(logits: Matrix, choices: number, out: Matrix): void {
    shapes.groups("choiceOdds", choices, logits, out);
    this.#run.choiceOdds(this.#at(logits), this.#at(out), (out.rows * out.columns) / choices, choices);
  }

  sampleBernoulli(p: Matrix, uniforms: Matrix, bits: Matrix): void {
    shapes.elementwise("sampleBernoulli", p, uniforms, bits);
    this.#run.sampleBernoulli(this.#at(p), this.#at(uniforms), this.#at(bits), p.rows * p.columns);
  }

  sampleAntithetic(p: Matrix, uniforms: Matrix, first: Matrix, second: Matrix): void {
    shapes.elementwise("sampleAntithetic", p, uniforms, first);
    shapes.elementwise("sampleAntithetic", p, second);
    const count = p.rows * p.columns;
    this.#run.sampleAntithetic(this.#at(p), this.#at(uniforms), this.#at(first), this.#at(second), count);
  }

  sampleCategorical(p: Matrix, choices: number, uniforms: Matrix, bits: Matrix): void {
    shapes.sampleCategorical(p, choices, uniforms, bits);
    const units = uniforms.rows * uniforms.columns;
    this.#run.sampleCategorical(this.#at(p), this.#at(uniforms), this.#at(bits), units, choices);
  }

  // ---- counterfactuals ----------------------------------------------------------------------------------------

  flipTables(weights: Matrix, coding: "zero-one" | "plus-minus"): FlipTables {
    const floats = this.#run.flipTableFloats(weights.rows, weights.columns);
    const tables: Tables = {
      weights,
      coding,
      pointer: this.#allocate(4 * floats, "tables"),
      heap: this.#heap,
      steps: 0,
      owner: this.owner,
    };
    return this.#owned(tables);
  }

  refreshFlipTables(tables: FlipTables): void {
    const { weights, coding } = tables;
    const k = coding === "plus-minus" ? 2 : 1;
    const { rows: I, columns: J } = weights;
    this.#run.flipTables(this.#at(weights), this.#at(tables), (tables as Tables).steps, 0, I, I, J, k);
  }

  flipLogLikelihood(
    bits: Matrix,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
  ): void {
    shapes.flips("flipLogLikelihood", bits, tables, child, out);
    if (child.kind === "bernoulli") {
      this.#flips(bits, tables, child, out, accumulate, undefined, false);
      return;
    }
    const { rows: I, columns: J } = tables.weights;
    this.#run.flipSoftmax(
      this.#at(bits),
      this.#at(tables),
      this.#at(tables.weights),
      this.#at(child.logits),
      this.#at(child.p),
      this.#at(child.bits),
      this.#at(out),
      bits.rows,
      I,
      J,
      child.choices,
      tables.coding === "plus-minus" ? 2 : 1,
      accumulate ? 1 : 0,
      this.#scratch.room(4 * this.#run.flipSoftmaxScratchFloats(I, J)),
    );
  }

  /** Flips before Bernoulli children: changes of their log-likelihood, of their entropy, or both. */
  #flips(
    bits: Matrix,
    tables: FlipTables,
    child: Outcome,
    likelihoods: Matrix | undefined,
    addLikelihoods: boolean,
    entropies: Matrix | undefined,
    addEntropies: boolean,
  ): void {
    const { rows: I, columns: J } = tables.weights;
    this.#run.flips(
      this.#at(bits),
      this.#at(tables),
      (tables as Tables).steps,
      this.#at(tables.weights),
      this.#at(child.logits),
      this.#at(child.p),
      this.#at(child.q),
      this.#at(child.bits),
      likelihoods === undefined ? 0 : this.#at(likelihoods),
      entropies === undefined ? 0 : this.#at(entropies),
      bits.rows,
      I,
      J,
      tables.coding === "plus-minus" ? 2 : 1,
      addLikelihoods ? 1 : 0,
      addEntropies ? 1 : 0,
      this.#scratch.room(4 * this.#run.flipScratchFloats(I, J)),
    );
  }

  switchLogLikelihood(
    bits: Matrix,
    choices: number,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
  ): void {
    shapes.switches("switchLogLikelihood", bits, choices, tables, child, out);
    const { rows: I, columns: J } = tables.weights;
    const sum = accumulate ? 1 : 0;
    if (child.kind === "bernoulli") {
      this.#run.switches(
        this.#at(bits),
        this.#at(tables),
        this.#at(tables.weights),
        this.#at(child.logits),
        this.#at(child.p),
        this.#at(child.q),
        this.#at(child.bits),
        this.#at(out),
        bits.rows,
        I,
        choices,
        J,
        sum,
        this.#scratch.room(4 * this.#run.switchScratchFloats(I, J)),
      );
      return;
    }
    this.#run.switchSoftmax(
      this.#at(bits),
      this.#at(tables),
      this.#at(tables.weights),
      this.#at(child.logits),
      this.#at(child.p),
      this.#at(child.bits),
      this.#at(out),
      bits.rows,
      I,
      choices,
      J,
      child.choices,
      sum,
      this.#scratch.room(4 * this.#run.switchSoftmaxScratchFloats(I, J)),
    );
  }

  mixtureLikelihood(delta: Matrix, odds: Matrix, bits: Matrix | undefined, out: Matrix): void {
    shapes.perExample("mixtureLikelihood", odds, delta, bits ?? out, out);
    this.#run.mixtureLikelihood(
      this.#at(delta),
      this.#at(odds),
      bits === undefined ? 0 : this.#at(bits),
      this.#at(out),
      delta.rows,
      delta.columns,
    );
  }

  posteriorMinusPrior(p: Matrix, q: Matrix, delta: Matrix, out: Matrix): void {
    shapes.elementwise("posteriorMinusPrior", p, q, delta);
    shapes.elementwise("posteriorMinusPrior", p, out);
    this.#run.posteriorMinusPrior(
      this.#at(p),
      this.#at(q),
      this.#at(delta),
      this.#at(out),
      p.rows * p.columns,
    );
  }

  unstoppedGradient(s: Matrix, q: Matrix, out: Matrix): void {
    shapes.elementwise("unstoppedGradient", s, q, out);
    this.#run.unstoppedGradient(this.#at(s), this.#at(q), this.#at(out), s.rows * s.columns);
  }

  choicePosteriorMinusPrior(p: Matrix, choices: number, delta: Matrix, out: Matrix): void {
    shapes.groups("choicePosteriorMinusPrior", choices, p, delta, out);
    const units = (p.rows * p.columns) / choices;
    this.#run.choicePosteriorMinusPrior(this.#at(p), this.#at(delta), this.#at(out), units, choices);
  }

  score(bits: Matrix, p: Matrix, q: Matrix, out: Matrix): void {
    shapes.alike("score", bits, p, q, out);
    this.#run.score(this.#at(bits), this.#at(p), this.#at(q), this.#at(out), p.rows * p.columns);
  }

  choiceScore(bits: Matrix, choices: number, p: Matrix, out: Matrix): void {
    shapes.groups("choiceScore", choices, bits, p, out);
    const units = (p.rows * p.columns) / choices;
    this.#run.choiceScore(this.#at(bits), this.#at(p), this.#at(out), units, choices);
  }

  // ---- rules of the Weight Maximization paper -----------------------------------------------------------------

  rewardedScore(
    a: Matrix,
    coding: "zero-one" | "plus-minus",
    p: Matrix,
    q: Matrix,
    bits: Matrix,
    out: Matrix,
  ): void {
    shapes.alike("rewardedScore", a, p, q, bits, out);
    const plusMinus = coding === "plus-minus" ? 1 : 0;
    const count = a.rows * a.columns;
    this.#run.rewardedScore(
      this.#at(a),
      this.#at(p),
      this.#at(q),
      this.#at(bits),
      this.#at(out),
      count,
      plusMinus,
    );
  }

  betterOutcome(
    a: Matrix,
    p: Matrix,
    q: Matrix,
    bits: Matrix,
    rewarded: number,
    punished: number,
    out: Matrix,
  ): void {
    shapes.alike("betterOutcome", a, p, q, bits, out);
    this.#run.betterOutcome(
      this.#at(a),
      this.#at(p),
      this.#at(q),
      this.#at(bits),
      this.#at(out),
      a.rows * a.columns,
      rewarded,
      punished,
    );
  }

  meanSlope(a: Matrix, p: Matrix, q: Matrix, factor: number, out: Matrix): void {
    shapes.alike("meanSlope", a, p, q, out);
    this.#run.meanSlope(this.#at(a), this.#at(p), this.#at(q), this.#at(out), a.rows * a.columns, factor);
  }

  softmaxSlope(p: Matrix, choices: number, a: Matrix, out: Matrix): void {
    shapes.groups("softmaxSlope", choices, p, a, out);
    const units = (p.rows * p.columns) / choices;
    this.#run.softmaxSlope(this.#at(p), this.#at(a), this.#at(out), units, choices);
  }

  productFormScore(bits: Matrix, q: Matrix, delta: Matrix, out: Matrix): void {
    shapes.alike("productFormScore", bits, q, delta, out);
    const count = q.rows * q.columns;
    this.#run.productFormScore(this.#at(bits), this.#at(q), this.#at(delta), this.#at(out), count);
  }

  signedPower(a: Matrix, exponent: number, factor: number, out: Matrix): void {
    shapes.alike("signedPower", a, out);
    this.#run.signedPower(this.#at(a), this.#at(out), a.rows * a.columns, exponent, factor);
  }

  normChange(
    bits: Matrix,
    coding: "zero-one" | "plus-minus",
    g: Matrix,
    weights: Matrix,
    norm: number,
    rate: number,
    out: Matrix,
    accumulate: boolean,
  ): void {
    shapes.transposedProduct("normChange", g, weights, out);
    shapes.alike("normChange", bits, out);
    this.#run.normChange(
      this.#at(bits),
      this.#at(g),
      this.#at(weights),
      this.#at(out),
      g.rows,
      weights.rows,
      weights.columns,
      coding === "plus-minus" ? 1 : 0,
      norm,
      rate,
      accumulate ? 1 : 0,
    );
  }

  betterAction(
    bits: Matrix,
    reward: Matrix,
    rewarded: number,
    punished: number,
    better: Matrix,
    weight: Matrix,
  ): void {
    shapes.perExample("betterAction", reward, bits, better);
    shapes.perExample("betterAction", weight, bits);
    this.#run.betterAction(
      this.#at(bits),
      this.#at(reward),
      this.#at(better),
      this.#at(weight),
      bits.rows,
      bits.columns,
      rewarded,
      punished,
    );
  }

  // ---- known functions ----------------------------------------------------------------------------------------

  logLikelihood({ kind, choices, logits, p, q, bits }: Outcome, out: Matrix): void {
    shapes.perExample("logLikelihood", out, logits, p, q, bits);
    const { rows: B, columns: J } = logits;
    const l = this.#at(logits);
    const outcome = this.#at(bits);
    const to = this.#at(out);
    if (kind === "softmax") this.#run.choiceLogLikelihood(l, outcome, to, B, J, choices);
    else this.#run.logLikelihood(l, this.#at(p), this.#at(q), outcome, to, B, J);
  }

  entropy({ kind, choices, logits, p, q }: Outcome, out: Matrix): void {
    shapes.perExample("entropy", out, logits, p, q);
    const { rows: B, columns: J } = logits;
    const l = this.#at(logits);
    const to = this.#at(out);
    if (kind === "softmax") this.#run.choiceEntropy(l, to, B, J, choices);
    else this.#run.entropy(l, this.#at(p), this.#at(q), to, B, J);
  }

  addEntropyGradient(logits: Matrix, p: Matrix, q: Matrix, g: Matrix): void {
    shapes.elementwise("addEntropyGradient", logits, p, q);
    shapes.elementwise("addEntropyGradient", logits, g);
    const count = g.rows * g.columns;
    this.#run.addEntropyGradient(this.#at(logits), this.#at(p), this.#at(q), this.#at(g), count);
  }

  flipEntropy(
    bits: Matrix,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
    logLikelihood?: Matrix,
  ): void {
    shapes.flips("flipEntropy", bits, tables, child, out);
    if (logLikelihood !== undefined) shapes.flips("flipEntropy", bits, tables, child, logLikelihood);
    const block = tables as Tables;
    if (block.steps === 0) {
      const { rows: I, columns: J } = tables.weights;
      block.steps = this.#allocate(4 * this.#run.flipStepFloats(I, J), "tables", block.owner);
      this.refreshFlipTables(tables);
    }
    this.#flips(bits, tables, child, logLikelihood, false, out, accumulate);
  }

  entropyDifferences(
    bits: Matrix,
    choices: number,
    tables: FlipTables,
    child: Outcome,
    out: Matrix,
    accumulate: boolean,
  ): void {
    if (choices === 1) shapes.flips("entropyDifferences", bits, tables, child, out);
    else shapes.switches("entropyDifferences", bits, choices, tables, child, out);
    const { rows: I, columns: J } = tables.weights;
    this.#run.entropyDifferences(
      this.#at(bits),
      this.#at(tables),
      this.#at(tables.weights),
      this.#at(child.logits),
      this.#at(child.p),
      this.#at(child.q),
      this.#at(out),
      bits.rows,
      I,
      choices,
      J,
      child.choices,
      tables.coding === "plus-minus" ? 2 : 1,
      accumulate ? 1 : 0,
      this.#scratch.room(4 * this.#run.entropyDifferencesScratchFloats(I, J)),
    );
  }

  flipMeans(
    bits: Matrix,
    tables: FlipTables,
    child: Outcome,
    value: Matrix,
    changes: Matrix,
    factor: number,
    out: Matrix,
    accumulate: boolean,
  ): void {
    shapes.flips("flipMeans", bits, tables, child, out);
    shapes.flipMeans("flipMeans", tables, child, value, changes);
    const { rows: I, columns: J } = tables.weights;
    this.#run.flipMeans(
      this.#at(bits),
      // An addon that makes no tables leaves them to the kernel.
      this.#run.flipTableFloats(I, J) > 0 ? this.#at(tables) : 0,
      this.#at(tables.weights),
      this.#at(child.logits),
      this.#at(child.p),
      this.#at(child.q),
      this.#at(value),
      this.#at(changes),
      this.#at(out),
      bits.rows,
      I,
      J,
      tables.coding === "plus-minus" ? 2 : 1,
      factor,
      accumulate ? 1 : 0,
      this.#scratch.room(4 * this.#run.flipMeansScratchFloats(I, J)),
    );
  }

  addChoiceDifferences(a: Matrix, choices: number, bits: Matrix, out: Matrix): void {
    shapes.groups("addChoiceDifferences", choices, a, bits, out);
    const units = (a.rows * a.columns) / choices;
    this.#run.addChoiceDifferences(this.#at(a), this.#at(bits), this.#at(out), units, choices);
  }

  localExpectation(p: Matrix, q: Matrix, difference: Matrix, out: Matrix): void {
    shapes.elementwise("localExpectation", p, q, difference);
    shapes.elementwise("localExpectation", p, out);
    const count = p.rows * p.columns;
    this.#run.localExpectation(this.#at(p), this.#at(q), this.#at(difference), this.#at(out), count);
  }

  addHindsight(
    s: Matrix,
    f: Matrix,
    q: Matrix,
    bits: Matrix,
    difference: Matrix | undefined,
    out: Matrix,
  ): void {
    shapes.perExample("addHindsight", f, s, q, bits, difference ?? out, out);
    this.#run.addHindsight(
      this.#at(s),
      this.#at(f),
      this.#at(q),
      this.#at(bits),
      difference === undefined ? 0 : this.#at(difference),
      this.#at(out),
      s.rows,
      s.columns,
    );
  }

  addChoiceHindsight(
    s: Matrix,
    f: Matrix,
    p: Matrix,
    choices: number,
    difference: Matrix | undefined,
    out: Matrix,
  ): void {
    shapes.perExample("addChoiceHindsight", f, s, p, difference ?? out, out);
    shapes.groups("addChoiceHindsight", choices, s, p);
    this.#run.addChoiceHindsight(
      this.#at(s),
      this.#at(f),
      this.#at(p),
      difference === undefined ? 0 : this.#at(difference),
      this.#at(out),
      s.rows,
      s.columns / choices,
      choices,
    );
  }

  // ---- elementwise --------------------------------------------------------------------------------------------

  fill(m: Matrix, value: number): void {
    this.#run.fill(this.#at(m), m.rows * m.columns, value);
  }

  copy(a: Matrix, out: Matrix): void {
    shapes.elementwise("copy", a, out);
    this.#run.copy(this.#at(a), this.#at(out), a.rows * a.columns);
  }

  maximum(a: Matrix, b: Matrix, out: Matrix): void {
    shapes.elementwise("maximum", a, b, out);
    this.#run.maximum(this.#at(a), this.#at(b), this.#at(out), a.rows * a.columns);
  }

  multiply(a: Matrix, b: Matrix, out: Matrix): void {
    shapes.elementwise("multiply", a, b, out);
    this.#run.multiply(this.#at(a), this.#at(b), this.#at(out), a.rows * a.columns);
  }

  subtract(a: Matrix, b: Matrix, out: Matrix): void {
    shapes.elementwise("subtract", a, b, out);
    this.#run.subtract(this.#at(a), this.#at(b), this.#at(out), a.rows * a.columns);
  }

  scaleRows(a: Matrix, s: Matrix, out: Matrix): void {
    shapes.scaleRows(a, s, out);
    this.#run.scaleRows(this.#at(a), this.#at(s), this.#at(out), a.rows, a.columns);
  }

  multiplyAdd(a: Matrix, b: Matrix, out: Matrix): void {
    shapes.elementwise("multiplyAdd", a, b, out);
    this.#run.multiplyAdd(this.#at(a), this.#at(b), this.#at(out), a.rows * a.columns);
  }

  addScaled(a: Matrix, factor: number, out: Matrix): void {
    shapes.elementwise("addScaled", a, out);
    this.#run.addScaled(this.#at(a), this.#at(out), a.rows * a.columns, factor);
  }

  // ---- reward and baseline ------------------------------------------------------------------------------------

  rewardByLabel(actions: Matrix, labels: Matrix, out: Matrix, wrong = 0): void {
    shapes.rewardByLabel(actions, labels, out);
    this.#run.rewardByLabel(
      this.#at(actions),
      this.#at(labels),
      this.#at(out),
      actions.rows,
      actions.columns,
      wrong,
    );
  }

  subtractBaseline(values: Matrix, baseline: Matrix, out: Matrix): void {
    shapes.subtractBaseline(values, baseline, out);
    this.#run.subtractBaseline(this.#at(values), this.#at(baseline), this.#at(out), values.rows);
  }

  trackMean(values: Matrix, decay: number, baseline: Matrix): void {
    shapes.trackMean(values, baseline);
    this.#run.trackMean(this.#at(values), this.#at(baseline), values.rows, decay);
  }

  // ---- metrics ------------------------------------------------------------------------------------------------

  addMean(m: Matrix, sums: Sums, index: number): void {
    shapes.range("addMean", index, 1, sums.length);
    this.#run.addMean(this.#at(m), this.#at(sums) + index * 8, m.rows * m.columns);
  }

  addVariance(moments: Matrix, gradient: Matrix, sums: Sums, index: number, step: number): void {
    shapes.addVariance(moments);
    shapes.range("addVariance", index, 2, sums.length);
    this.#run.addVariance(
      this.#at(moments),
      this.#at(gradient),
      this.#at(sums) + index * 8,
      moments.rows,
      gradient.rows * gradient.columns,
      step,
    );
  }

  checkFinite(m: Matrix, sums: Sums, index: number, step: number): void {
    shapes.range("checkFinite", index, 1, sums.length);
    this.#run.checkFinite(this.#at(m), this.#at(sums) + index * 8, m.rows * m.columns, step);
  }

  // ---- optimizers ---------------------------------------------------------------------------------------------

  adam(parameters: Matrix, gradient: Matrix, m: Matrix, v: Matrix, options: AdamStep): void {
    shapes.adam(parameters, gradient, m, v);
    const { rate, beta1, beta2, epsilon, correction1, correction2 } = options;
    // rate (m / c1) / (sqrt(v / c2) + epsilon) with the corrections taken out of the loop.
    const root = Math.sqrt(correction2);
    this.#run.adam(
      this.#at(parameters),
      this.#at(gradient),
      this.#at(m),
      this.#at(v),
      parameters.rows * parameters.columns,
      1 - beta1,
      1 - beta2,
      (rate * root) / correction1,
      epsilon * root,
    );
  }
}

/**
 * A new backend with a memory of its own.
 *
 * @throws RangeError for a number of threads that cannot be
 * @throws RunError where the host gives no threads, or none that share memory
 * @throws InputError for a module that cannot be used
 * @throws RangeError for kernels that the host does not have
 */
export async function createWasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  refuseUnknown("createWasmBackend", optionNames, options);
  const { kernels, module, addon, maximumBytes, threads = 1 } = options;
  if (!isWhole(threads, 1, mostThreads)) {
    throw new RangeError(`threads is ${threads}; expected a whole number from 1 to ${mostThreads}`);
  }
  const shared = threads > 1;
  if (shared && typeof SharedArrayBuffer === "undefined") {
    throw new RunError(
      `threads is ${threads}, but this page is not cross-origin isolated: it shares no memory`,
    );
  }
  const own = module && kindOf(module);
  if (own !== undefined && kernels !== undefined && kernels !== own) {
    throw new InputError(`kernels is "${kernels}", but module has those of kind "${own}"`);
  }
  // Whether its memory is shared is part of a module.
  if (own !== undefined && shared) {
    throw new InputError(`threads is ${threads}; with a module that is handed over it can only be 1`);
  }
  const parts = partsOf(kernels ?? own ?? bestKernels());
  const heap = new WasmHeap(maximumBytes, shared);
  return createKernelBackend(heap, parts.module, { addon: addon ?? parts.addon, module, threads });
}

/** A backend on a memory that is there, which several threads share. */
export async function createKernelBackend(
  heap: WasmHeap,
  kind: ModuleKind,
  {
    addon,
    module: given,
    threads = 1,
  }: { addon?: Addon | undefined; module?: WasmModule | undefined; threads?: number } = {},
): Promise<WasmBackend> {
  const scratch = new Scratch(heap, threads);
  const module = given ?? (await kernelModule(kind, threads > 1));
  const run = await instantiate(module, heap);
  const path = addon?.module;
  const { kernels: others, grown } = loadAddon(path, heap.memory, loader(path));
  if (grown !== undefined) heap.grown = grown;
  const all: Kernels = { ...run, ...others };
  let team: Team | undefined;
  if (threads > 1) {
    // Most pages have no use for it.
    const { Team } = await import("./team.ts");
    team = await Team.start(threads, module, all, heap, scratch, { addon: path });
  }
  return new Wasm(addon?.arithmetic ?? kind, heap, scratch, team?.kernels ?? all, team);
}

/** Kernels that say how much room they need, and do nothing else. */
const dryKernels = (kernels: Kernels): Kernels =>
  Object.fromEntries(
    Object.entries(kernels).map(([name, kernel]) => [name, name.endsWith("Floats") ? kernel : () => 0]),
  ) as unknown as Kernels;

/** Kernels that work on a heap. */
async function instantiate(module: WasmModule, heap: WasmHeap): Promise<Kernels> {
  const env = { memory: heap.memory as WebAssembly.Memory };
  const { exports } = await WebAssembly.instantiate(module as WebAssembly.Module, { env });
  const run = exports as unknown as Kernels;
  heap.reserve(run.heapBase());
  return run;
}

/** @throws TypeError for an operand that is not on the heap of this backend */
function refuse(heap: Heap | undefined): never {
  throw new TypeError(
    `an operand ${heap === undefined ? "was given back with its scope" : "belongs to another backend"}`,
  );
}
