/** `out[b, j] = bias[j]`. `bias` [J], `out` [B, J]. */
export function broadcast(bias: usize, out: usize, B: i32, J: i32): void {
  const size = (<usize>J) << 2;
  for (let b = 0; b < B; b++) {
    memory.copy(out, bias, size);
    out += size;
  }
}
