/** `out[b] = source[order[b]]`. `source` [any, I], `order` [B], `out` [B, I]. */
export function gatherRows(source: usize, order: usize, out: usize, B: i32, I: i32): void {
  const size = (<usize>I) << 2;
  for (let b = 0; b < B; b++) {
    memory.copy(out, source + <usize>load<u32>(order) * size, size);
    order += 4;
    out += size;
  }
}

/** `out[b] = labels[order[b]]`. `labels` bytes, `order` [B], `out` [B]. */
export function gatherLabels(labels: usize, order: usize, out: usize, B: i32): void {
  for (let b: usize = 0; b < <usize>B; b++) {
    store<f32>(out + (b << 2), <f32>load<u8>(labels + load<u32>(order + (b << 2))));
  }
}
