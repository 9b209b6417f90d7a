// What the host can do at most: loops of independent operations in AssemblyScript, compiled by limits.mjs and never
// shipped. Twelve chains hide the latency of a multiply-add, and leave registers for the operands.
//   madd, multiply, add, divide, root, mixed, integer, shift, beside (rounds): 48 vector operations a round; mixed are
//   half multiply-adds and half additions, beside are one division in eight, the others multiply-adds
//   read, write, update, copy (address, bytes): passes over memory, 128 bytes a round
import { madd as multiplyAdd } from "../packages/flipnet/kernels/math";

/** Where the operands lie, so that they are not known to the compiler, and where results go, so that they are wanted. */
const operands: usize = memory.data<f32>([1.0009765625, 1.0009765625, 1.0009765625, 1.0009765625]);
const result: usize = memory.data(16, 16);

const MADD = 0, MULTIPLY = 1, ADD = 2, DIVIDE = 3, ROOT = 4, MIXED = 5, INTEGER = 6, SHIFT = 7, BESIDE = 8;

/** One operation of a chain; `place` is its place in a round: odd, even, or 2, which six of 48 are. Both are constants. */
// @ts-ignore: decorator
@inline
function step(kind: i32, place: i32, a: v128, x: v128): v128 {
  if (kind == MADD) return multiplyAdd(x, x, a);
  if (kind == MULTIPLY) return f32x4.mul(a, x);
  if (kind == ADD) return f32x4.add(a, x);
  if (kind == DIVIDE) return f32x4.div(x, a);
  if (kind == ROOT) return f32x4.sqrt(f32x4.add(a, x)); // the sum keeps it from becoming 1 and is not counted
  if (kind == MIXED) return place & 1 ? multiplyAdd(x, x, a) : f32x4.add(a, x);
  if (kind == INTEGER) return place & 1 ? i32x4.add(a, x) : v128.xor(a, x);
  if (kind == BESIDE) return place == 2 ? f32x4.div(x, a) : multiplyAdd(x, x, a);
  return place & 1 ? i32x4.shl(a, 13) : i32x4.shr_u(a, 7);
}

// @ts-ignore: decorator
@inline
function chains(kind: i32, rounds: i32): void {
  const x = v128.load(operands);
  let a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
  for (let round = 0; round < rounds; round++) {
    a = step(kind, 2, a, x); b = step(kind, 1, b, x); c = step(kind, 0, c, x); d = step(kind, 1, d, x);
    e = step(kind, 2, e, x); f = step(kind, 1, f, x); g = step(kind, 0, g, x); h = step(kind, 1, h, x);
    i = step(kind, 2, i, x); j = step(kind, 1, j, x); k = step(kind, 0, k, x); l = step(kind, 1, l, x);
    a = step(kind, 1, a, x); b = step(kind, 2, b, x); c = step(kind, 1, c, x); d = step(kind, 0, d, x);
    e = step(kind, 1, e, x); f = step(kind, 2, f, x); g = step(kind, 1, g, x); h = step(kind, 0, h, x);
    i = step(kind, 1, i, x); j = step(kind, 2, j, x); k = step(kind, 1, k, x); l = step(kind, 0, l, x);
    a = step(kind, 0, a, x); b = step(kind, 1, b, x); c = step(kind, 0, c, x); d = step(kind, 1, d, x);
    e = step(kind, 0, e, x); f = step(kind, 1, f, x); g = step(kind, 0, g, x); h = step(kind, 1, h, x);
    i = step(kind, 0, i, x); j = step(kind, 1, j, x); k = step(kind, 0, k, x); l = step(kind, 1, l, x);
    a = step(kind, 1, a, x); b = step(kind, 0, b, x); c = step(kind, 1, c, x); d = step(kind, 0, d, x);
    e = step(kind, 1, e, x); f = step(kind, 0, f, x); g = step(kind, 1, g, x); h = step(kind, 0, h, x);
    i = step(kind, 1, i, x); j = step(kind, 0, j, x); k = step(kind, 1, k, x); l = step(kind, 0, l, x);
  }
  keep(v128.xor(v128.xor(v128.xor(a, b), v128.xor(c, d)), v128.xor(v128.xor(e, f), v128.xor(g, h))));
  keep(v128.xor(v128.load(result), v128.xor(v128.xor(i, j), v128.xor(k, l))));
}

// @ts-ignore: decorator
@inline
function keep(x: v128): void {
  v128.store(result, x);
}

export function madd(rounds: i32): void { chains(MADD, rounds); }
export function multiply(rounds: i32): void { chains(MULTIPLY, rounds); }
export function add(rounds: i32): void { chains(ADD, rounds); }
export function divide(rounds: i32): void { chains(DIVIDE, rounds); }
export function root(rounds: i32): void { chains(ROOT, rounds); }
export function mixed(rounds: i32): void { chains(MIXED, rounds); }
export function integer(rounds: i32): void { chains(INTEGER, rounds); }
export function shift(rounds: i32): void { chains(SHIFT, rounds); }
export function beside(rounds: i32): void { chains(BESIDE, rounds); }

export function read(at: usize, bytes: usize): void {
  let a = i32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (const end = at + bytes; at < end; at += 128) {
    a = v128.or(a, v128.load(at));
    b = v128.or(b, v128.load(at, 16));
    c = v128.or(c, v128.load(at, 32));
    d = v128.or(d, v128.load(at, 48));
    e = v128.or(e, v128.load(at, 64));
    f = v128.or(f, v128.load(at, 80));
    g = v128.or(g, v128.load(at, 96));
    h = v128.or(h, v128.load(at, 112));
  }
  keep(v128.or(v128.or(v128.or(a, b), v128.or(c, d)), v128.or(v128.or(e, f), v128.or(g, h))));
}

export function write(at: usize, bytes: usize): void {
  const x = v128.load(operands);
  for (const end = at + bytes; at < end; at += 128) {
    v128.store(at, x);
    v128.store(at, x, 16);
    v128.store(at, x, 32);
    v128.store(at, x, 48);
    v128.store(at, x, 64);
    v128.store(at, x, 80);
    v128.store(at, x, 96);
    v128.store(at, x, 112);
  }
}

/** Reads and writes in place. */
export function update(at: usize, bytes: usize): void {
  move(at, at, bytes);
}

/** The first half into the second. */
export function copy(at: usize, bytes: usize): void {
  move(at, at + (bytes >> 1), bytes >> 1);
}

// @ts-ignore: decorator
@inline
function move(from: usize, to: usize, bytes: usize): void {
  const x = v128.load(operands);
  for (const end = from + bytes; from < end; from += 128, to += 128) {
    v128.store(to, v128.xor(v128.load(from), x));
    v128.store(to, v128.xor(v128.load(from, 16), x), 16);
    v128.store(to, v128.xor(v128.load(from, 32), x), 32);
    v128.store(to, v128.xor(v128.load(from, 48), x), 48);
    v128.store(to, v128.xor(v128.load(from, 64), x), 64);
    v128.store(to, v128.xor(v128.load(from, 80), x), 80);
    v128.store(to, v128.xor(v128.load(from, 96), x), 96);
    v128.store(to, v128.xor(v128.load(from, 112), x), 112);
  }
}
