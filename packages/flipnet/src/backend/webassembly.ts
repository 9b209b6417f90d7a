/**
 * What the library's declarations say of WebAssembly. TypeScript has its types in the DOM library, which programs for
 * other hosts do without.
 */

/** A `WebAssembly.Memory`. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** A compiled `WebAssembly.Module`. */
export type WasmModule = object;
