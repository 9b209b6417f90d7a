/** Every kind of kernels that this host has: what the kernels' tests walk. */
import { kernelsHere } from "../../src/backend/kinds.ts";
import { createWasmBackend, type WasmBackend } from "../../src/backend/wasm.ts";

export const modules: readonly WasmBackend[] = await Promise.all(
  kernelsHere().map((kernels) => createWasmBackend({ kernels })),
);
