import { madd } from "./math";
import { storeLanes } from "./lanes";

/** `m = value`. `m` [n]. */
export function fill(m: usize, n: i32, value: f32): void {
  const x = f32x4.splat(value);
  for (let e = 0; e < n; e += 4) storeLanes(m + ((<usize>e) << 2), x, n - e);
}

/** `out = a`. Both [n]. */
export function copy(a: usize, out: usize, n: i32): void {
  memory.copy(out, a, (<usize>n) << 2);
}

/** `out = max(a, b)`. All [n]. */
export function maximum(a: usize, b: usize, out: usize, n: i32): void {
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    storeLanes(out + at, f32x4.max(v128.load(a + at), v128.load(b + at)), n - e);
  }
}

/** `out = a b`. All [n]. */
export function multiply(a: usize, b: usize, out: usize, n: i32): void {
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    storeLanes(out + at, f32x4.mul(v128.load(a + at), v128.load(b + at)), n - e);
  }
}

/** `out = a - b`. All [n]. */
export function subtract(a: usize, b: usize, out: usize, n: i32): void {
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    storeLanes(out + at, f32x4.sub(v128.load(a + at), v128.load(b + at)), n - e);
  }
}

/** `out[b, j] = a[b, j] s[b]`. `a`, `out` [B, J], `s` [B]. */
export function scaleRows(a: usize, s: usize, out: usize, B: i32, J: i32): void {
  const size = (<usize>J) << 2;
  for (let b = 0; b < B; b++) {
    const scale = v128.load32_splat(s);
    for (let j = 0; j < J; j += 4) {
      const at = (<usize>j) << 2;
      storeLanes(out + at, f32x4.mul(v128.load(a + at), scale), J - j);
    }
    s += 4;
    a += size;
    out += size;
  }
}

/** `out += a b`. All [n]. */
export function multiplyAdd(a: usize, b: usize, out: usize, n: i32): void {
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    storeLanes(out + at, madd(v128.load(a + at), v128.load(b + at), v128.load(out + at)), n - e);
  }
}

/** `g = 0` where `y` is not above 0. Both [n]. */
export function rectifierGradient(y: usize, g: usize, n: i32): void {
  const zero = f32x4.splat(0);
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    storeLanes(g + at, v128.and(v128.load(g + at), f32x4.gt(v128.load(y + at), zero)), n - e);
  }
}

/** `out += factor a`. Both [n]. */
export function addScaled(a: usize, out: usize, n: i32, factor: f32): void {
  const scale = f32x4.splat(factor);
  for (let e = 0; e < n; e += 4) {
    const at = (<usize>e) << 2;
    storeLanes(out + at, madd(v128.load(a + at), scale, v128.load(out + at)), n - e);
  }
}
