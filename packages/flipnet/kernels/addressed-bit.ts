/** `out[b] = bits[b, k + n]`, `n` being the first k bits of the row, most significant first. `bits` [B, I], `out` [B]. */
export function addressedBit(bits: usize, out: usize, B: i32, I: i32, k: i32): void {
  const rowBytes = (<usize>I) << 2;
  for (let b = 0; b < B; b++, bits += rowBytes, out += 4) {
    let address: usize = 0;
    for (let i: usize = 0; i < (<usize>k) << 2; i += 4) {
      address = (address << 1) | (load<u32>(bits + i) >>> 29); // 1.0 is 0x3f800000
    }
    store<f32>(out, load<f32>(bits + ((<usize>k + address) << 2)));
  }
}
