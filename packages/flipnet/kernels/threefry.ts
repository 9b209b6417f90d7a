// Threefry-2x32 with 13 rounds, as in src/random/threefry.ts, on sixteen counters at a time.
import { own } from "./own";

// @ts-ignore: decorator
@inline
function add(a: v128, b: v128): v128 {
  return i32x4.add(a, b);
}

/** `x` rotated to the left, exclusive-or `y`. */
// @ts-ignore: decorator
@inline
function mix(x: v128, by: i32, y: v128): v128 {
  // Half a lane is moved by a shuffle.
  if (by == 16) return v128.xor(v128.shuffle<i16>(x, x, 1, 0, 3, 2, 5, 4, 7, 6), y);
  return v128.xor(v128.or(i32x4.shl(x, by), i32x4.shr_u(x, 32 - by)), y);
}

/**
 * The 32 words of the counters (c0, c1) to (c0 + 15, c1) under the key (k0, k1), in their order, at the returned
 * address. Four chains w, x, y, z of four counters each hide one another's latency.
 */
export function threefry16(k0: i32, k1: i32, c0: i32, c1: i32): usize {
  const k2 = 0x1bd11bda ^ k0 ^ k1;
  const four = i32x4.splat(4);
  let w0 = add(i32x4.splat(c0 + k0), i32x4(0, 1, 2, 3)), w1 = i32x4.splat(c1 + k1);
  let x0 = add(w0, four), x1 = w1;
  let y0 = add(x0, four), y1 = w1;
  let z0 = add(y0, four), z1 = w1;

  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 13, w0); x1 = mix(x1, 13, x0); y1 = mix(y1, 13, y0); z1 = mix(z1, 13, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 15, w0); x1 = mix(x1, 15, x0); y1 = mix(y1, 15, y0); z1 = mix(z1, 15, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 26, w0); x1 = mix(x1, 26, x0); y1 = mix(y1, 26, y0); z1 = mix(z1, 26, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 6, w0); x1 = mix(x1, 6, x0); y1 = mix(y1, 6, y0); z1 = mix(z1, 6, z0);
  const s0 = i32x4.splat(k1), t0 = i32x4.splat(k2 + 1);
  w0 = add(w0, s0); x0 = add(x0, s0); y0 = add(y0, s0); z0 = add(z0, s0);
  w1 = add(w1, t0); x1 = add(x1, t0); y1 = add(y1, t0); z1 = add(z1, t0);

  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 17, w0); x1 = mix(x1, 17, x0); y1 = mix(y1, 17, y0); z1 = mix(z1, 17, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 29, w0); x1 = mix(x1, 29, x0); y1 = mix(y1, 29, y0); z1 = mix(z1, 29, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 16, w0); x1 = mix(x1, 16, x0); y1 = mix(y1, 16, y0); z1 = mix(z1, 16, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 24, w0); x1 = mix(x1, 24, x0); y1 = mix(y1, 24, y0); z1 = mix(z1, 24, z0);
  const s1 = i32x4.splat(k2), t1 = i32x4.splat(k0 + 2);
  w0 = add(w0, s1); x0 = add(x0, s1); y0 = add(y0, s1); z0 = add(z0, s1);
  w1 = add(w1, t1); x1 = add(x1, t1); y1 = add(y1, t1); z1 = add(z1, t1);

  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 13, w0); x1 = mix(x1, 13, x0); y1 = mix(y1, 13, y0); z1 = mix(z1, 13, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 15, w0); x1 = mix(x1, 15, x0); y1 = mix(y1, 15, y0); z1 = mix(z1, 15, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 26, w0); x1 = mix(x1, 26, x0); y1 = mix(y1, 26, y0); z1 = mix(z1, 26, z0);
  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 6, w0); x1 = mix(x1, 6, x0); y1 = mix(y1, 6, y0); z1 = mix(z1, 6, z0);
  const s2 = i32x4.splat(k0), t2 = i32x4.splat(k1 + 3);
  w0 = add(w0, s2); x0 = add(x0, s2); y0 = add(y0, s2); z0 = add(z0, s2);
  w1 = add(w1, t2); x1 = add(x1, t2); y1 = add(y1, t2); z1 = add(z1, t2);

  w0 = add(w0, w1); x0 = add(x0, x1); y0 = add(y0, y1); z0 = add(z0, z1);
  w1 = mix(w1, 17, w0); x1 = mix(x1, 17, x0); y1 = mix(y1, 17, y0); z1 = mix(z1, 17, z0);

  const words = own + 64;
  v128.store(words, v128.shuffle<i32>(w0, w1, 0, 4, 1, 5));
  v128.store(words, v128.shuffle<i32>(w0, w1, 2, 6, 3, 7), 16);
  v128.store(words, v128.shuffle<i32>(x0, x1, 0, 4, 1, 5), 32);
  v128.store(words, v128.shuffle<i32>(x0, x1, 2, 6, 3, 7), 48);
  v128.store(words, v128.shuffle<i32>(y0, y1, 0, 4, 1, 5), 64);
  v128.store(words, v128.shuffle<i32>(y0, y1, 2, 6, 3, 7), 80);
  v128.store(words, v128.shuffle<i32>(z0, z1, 0, 4, 1, 5), 96);
  v128.store(words, v128.shuffle<i32>(z0, z1, 2, 6, 3, 7), 112);
  return words;
}
