/**
 * The address of 192 bytes that kernels write while they run: 4 for `pinned`, then, from 64 on, 128 for `threefry16` or 64 for `adam`.
 * Of the threads that share a memory each has an instance of this module, and gives it an address of its own.
 */
export let own: usize = memory.data(192, 64);

export function setOwn(address: usize): void {
  own = address;
}
