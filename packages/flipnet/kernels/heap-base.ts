/** The first address that static data of the kernels does not use. */
export function heapBase(): usize {
  return __heap_base;
}
