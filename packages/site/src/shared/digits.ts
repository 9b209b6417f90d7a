/** Small digits: the first of MNIST, a quarter of the pixels, one bit each, as `build/digits.mjs` has packed them. */

/** Pixels on a side. */
export const side = 14;
/** Digits that are learned from; the others nobody has seen. */
export const learned = 700;
export const count = 800;

const pixels = side * side;

/** Digits and what they are. */
export interface Digits {
  /** [count, pixels] 0 or 255. */
  readonly images: Uint8Array;
  /** [count] 0 to 9. */
  readonly labels: Uint8Array;
}

/** Images as bits, eight a byte, the first the lowest; behind them a byte for each label. */
export const unpacked = (packed: Uint8Array): Digits => ({
  images: Uint8Array.from({ length: count * pixels }, (_, e) => 255 * ((packed[e >> 3] >> (e & 7)) & 1)),
  labels: packed.slice((count * pixels) / 8),
});

let fetched: Promise<Digits> | undefined;

/** In a worker: fetches them, once. */
export function loadDigits(): Promise<Digits> {
  fetched ??= (async () => {
    // Beside the pages; a worker's file is in a folder of theirs.
    const response = await fetch(new URL("../digits.bin", location.href));
    if (!response.ok) throw new Error(`digits.bin: ${response.status}`);
    return unpacked(new Uint8Array(await response.arrayBuffer()));
  })();
  return fetched;
}
