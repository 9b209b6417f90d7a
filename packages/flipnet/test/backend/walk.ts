/**
 * Tries an operation as the table describes it: makes operands of some sizes, of numbers that fit what they hold, and an
 * electric fence. Memory ends right behind the operand that is fenced, so that a kernel which reads beyond its padding
 * traps; what lies around it is no number, so that a kernel which uses it is found out, and must stay as it was.
 */
import type {
  Backend,
  Coding,
  FlipTables,
  ImmediateBackend,
  Matrix,
  Outcome,
} from "../../src/backend/backend.ts";
import { WasmHeap } from "../../src/backend/heap.ts";
import { type Operation, operandRules } from "../../src/backend/operations.ts";
import { padding } from "../../src/backend/padding.ts";
import { newKey } from "../../src/random/threefry.ts";
import { numbers } from "../helpers.ts";

/** A memory of a fixed size, at whose end one block can be put. */
export class FencedHeap extends WasmHeap {
  /** How many blocks were asked for. */
  count = 0;
  /** The number of the one that goes to the end. */
  fenced = -1;
  /** Where it is, or -1. */
  start = -1;
  readonly #end: number;

  constructor(bytes: number, shared: boolean) {
    super(bytes, shared);
    this.reach(bytes);
    this.#end = bytes - padding;
  }

  override allocate(bytes: number, use?: Parameters<WasmHeap["allocate"]>[1]): number {
    if (this.count++ !== this.fenced) return super.allocate(bytes, use);
    this.start = this.#end - bytes;
    // Bytes of ones are no numbers.
    this.bytes.fill(255, this.start - 64).fill(0, this.start, this.#end);
    return this.start;
  }

  override free(address: number): void {
    if (address !== this.start) super.free(address);
  }

  /** Whether what is around the block is as it was. */
  get intact(): boolean {
    const around = [this.bytes.subarray(this.start - 64, this.start), this.bytes.subarray(this.#end)];
    return around.every((bytes) => bytes.every((byte) => byte === 255));
  }
}

/** What an operation can be told besides its operands. */
export interface Variant {
  readonly coding: Coding;
  readonly accumulate: boolean;
  /** Whether operands that may be left out are there. */
  readonly optional: boolean;
  /** Of a softmax parent, or of the units themselves. */
  readonly choices: number;
  /** Of the children; 1: Bernoulli. */
  readonly childChoices: number;
}

/** The variants that make a difference to an operation. */
export function variantsOf(operation: Operation): Variant[] {
  const rules = operandRules[operation];
  const has = (name: string) => rules.some((rule) => rule.name === name);
  const ofBits: Coding[] = ["zero-one", "plus-minus"];
  const codings: Coding[] =
    rules.some(({ holds }) => holds === "coded") || operation === "rowDots"
      ? [...ofBits, "real"]
      : has("coding") || (has("tables") && !has("choices"))
        ? ofBits
        : ["zero-one"];
  const choices = !has("choices") ? [1] : operation === "entropyDifferences" ? [1, 5] : [2, 5];
  const outcome = has("child") || has("layer");
  const childChoices = ["flipEntropy", "flipMeans"].includes(operation) || !outcome ? [1] : [1, 3];
  const optional = rules.some((rule) => rule.optional) ? [true, false] : [true];
  const accumulate = has("accumulate") ? [false, true] : [false];
  return codings.flatMap((coding) =>
    choices.flatMap((choices) =>
      childChoices.flatMap((childChoices) =>
        optional.flatMap((optional) =>
          accumulate.map((accumulate) => ({ coding, accumulate, optional, choices, childChoices })),
        ),
      ),
    ),
  );
}

/** Sizes by letter, and a seed. */
export interface Case extends Variant {
  readonly sizes: Readonly<Record<string, number>>;
  readonly seed: number;
}

const window = { height: 5, width: 6, channels: 2, kernel: 3 };
const constants: Record<string, number> = {
  image: window.height * window.width * window.channels,
  patch: window.kernel * window.kernel * window.channels,
  places: (window.height - window.kernel + 1) * (window.width - window.kernel + 1),
};

/** As `numbers`, and remembered for a while: a case is tried on every backend and behind every operand's fence. */
function valuesOf(...of: Parameters<typeof numbers>): readonly number[] {
  const name = of.join();
  const values = remembered.get(name) ?? numbers(...of);
  if (remembered.size > 60) remembered.clear();
  remembered.set(name, values);
  return values;
}
const remembered = new Map<string, readonly number[]>();

const float32 = (values: readonly number[]) => Float32Array.from(values);
const sigmoid = (l: number) => (l >= 0 ? 1 / (1 + Math.exp(-l)) : Math.exp(l) / (1 + Math.exp(l)));

/** Softmax over groups. */
function softmax(logits: ArrayLike<number>, choices: number): Float32Array {
  const result = Float32Array.from(logits, Math.exp);
  for (let start = 0; start < result.length; start += choices) {
    const group = result.subarray(start, start + choices);
    const total = group.reduce((sum, x) => sum + x);
    group.forEach((x, k) => {
      group[k] = x / total;
    });
  }
  return result;
}

/** Bits; one in each group where there are choices. */
function bitsOf(seed: number, count: number, choices: number): Float32Array {
  const result = new Float32Array(count);
  const coins = valuesOf(seed, count, 0, 1);
  for (let start = 0; start < count; start += choices) {
    if (choices === 1) result[start] = coins[start] < 0.5 ? 1 : 0;
    else result[start + Math.floor(coins[start] * choices)] = 1;
  }
  return result;
}

/** What an operand is called in a message, and what was written to it. */
export interface Operands {
  readonly operands: unknown[];
  /** Matrices that the operation writes. */
  readonly written: readonly Matrix[];
}

/** Makes the operands of a case on a backend; `resize` changes a size of one of them, by name. */
export function operandsOf(
  backend: ImmediateBackend,
  operation: Operation,
  { sizes, seed, choices, childChoices, coding, accumulate, optional }: Case,
  resize: (name: string, rows: number, columns: number) => [rows: number, columns: number] = (_, r, c) => [
    r,
    c,
  ],
): Operands {
  const rules = operandRules[operation];
  const size = (factors: readonly string[]) =>
    factors.reduce(
      (product, factor) =>
        product * (factor === "choices" ? choices : (constants[factor] ?? sizes[factor] ?? Number(factor))),
      1,
    );
  const units = rules.some(({ name }) => name === "choices") ? choices : 1;
  const scale = sizes.weight ?? 1;
  let from = seed;
  const matrix = (rows: number, columns: number, values: ArrayLike<number>) => {
    const m = backend.matrix(rows, columns);
    backend.write(m, values);
    return m;
  };
  const reals = (count: number, low = -2, high = 2) => float32(valuesOf(++from, count, low, high));

  /** Numbers that an operand of this name can hold. */
  const fitting = (name: string, count: number, columns: number, holds: string): Float32Array => {
    // What stands beside one another is of the same units: logits from the same numbers, and p and q of these.
    const logits = float32(valuesOf(seed + 1000, count, -6, 6));
    if (name === "actions") return bitsOf(++from, count, columns);
    if (holds === "bits" || (holds === "coded" && coding !== "real")) return bitsOf(++from, count, units);
    if (name === "logits") return logits;
    if (name === "p") return units > 1 ? softmax(logits, units) : logits.map(sigmoid);
    if (name === "q") return logits.map((l) => sigmoid(-l));
    if (name === "uniforms") return reals(count, 0, 1);
    if (name === "labels") return reals(count, 0, 5).map(Math.floor);
    if (name === "weights") return reals(count, -scale, scale);
    if (name === "v" || name === "moments") return reals(count, 0.1, 2);
    return reals(count);
  };

  const outcome = (rows: number, columns: number): Outcome => {
    const count = rows * columns;
    const l = float32(valuesOf(++from, count, -4, 4));
    const logits = matrix(rows, columns, l);
    const p = matrix(rows, columns, childChoices > 1 ? softmax(l, childChoices) : l.map(sigmoid));
    const q =
      childChoices > 1
        ? p
        : matrix(
            rows,
            columns,
            l.map((x) => sigmoid(-x)),
          );
    const bits = matrix(rows, columns, bitsOf(++from, count, childChoices));
    return { kind: childChoices > 1 ? "softmax" : "bernoulli", choices: childChoices, logits, p, q, bits };
  };

  const given: Record<string, () => unknown> = {
    images: () => backend.bytes(Uint8Array.from(valuesOf(++from, 9 * sizes.I, 0, 256))),
    labels: () => backend.bytes(Uint8Array.from(valuesOf(++from, 9, 0, 256))),
    order: () => {
      const order = backend.indices(sizes.B + 2);
      backend.writeIndices(
        order,
        valuesOf(++from, sizes.B + 2, 0, operation === "gatherRows" ? sizes.R : 9).map(Math.floor),
      );
      return order;
    },
    first: () => 2,
    key: () => ({ ...newKey(), k0: seed, k1: ~seed }),
    k: () => sizes.k,
    coding: () => coding,
    window: () => window,
    accumulate: () => accumulate,
    choices: () => choices,
    sums: () => backend.sums(3),
    index: () => 1,
    options: () => ({
      rate: 0.1,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-3,
      correction1: 0.5,
      correction2: 0.3,
    }),
    norm: () => 2.5,
    exponent: () => 1.5,
  };
  const written: Matrix[] = [];
  const operands = rules.map(({ name, shape, written: writes, optional: leavable, holds }, place) => {
    if (leavable && !optional) return undefined;
    if (shape === undefined) return (given[name] ?? (() => Math.fround(0.3 + 0.1 * place)))();
    const [rows, columns] = resize(name, size(shape[0]), size(shape[1]));
    if (name === "child" || name === "layer") return outcome(rows, columns);
    if (name === "tables") {
      const weights = matrix(rows, columns, reals(rows * columns, -scale, scale));
      const tables = backend.flipTables(weights, coding === "plus-minus" ? "plus-minus" : "zero-one");
      backend.refreshFlipTables(tables);
      return tables;
    }
    const m = matrix(rows, columns, fitting(name, rows * columns, columns, holds));
    if (writes) written.push(m);
    return m;
  });
  return { operands, written };
}

/** Calls an operation. */
export function perform(backend: Backend, operation: Operation, operands: unknown[]): void {
  (backend[operation] as (...operands: unknown[]) => void)(...operands);
}

/** Makes the operands, calls the operation, and reads what it wrote. */
export async function tried(
  backend: ImmediateBackend,
  operation: Operation,
  one: Case,
): Promise<Float64Array[]> {
  const scope = backend.scope();
  const { operands, written } = scope.run(() => {
    const made = operandsOf(backend, operation, one);
    perform(backend, operation, made.operands);
    return made;
  });
  const sums = operandRules[operation].findIndex(({ name }) => name === "sums");
  const results = written.map((m) => backend.readNow(m));
  if (sums >= 0) results.push(await backend.readSums(operands[sums] as never));
  scope.release();
  return results;
}

/** The weights of tables, or the matrix of anything else. */
export const shapeOf = (operand: Matrix | FlipTables | Outcome): Matrix =>
  "weights" in operand ? operand.weights : "bits" in operand ? operand.bits : operand;
