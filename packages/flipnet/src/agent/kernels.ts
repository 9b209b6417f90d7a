/** Which kernels an agent has that is given no backend. */
import type { ImmediateBackend } from "../backend/backend.ts";
import { bestModule } from "../backend/kinds.ts";
import { createWasmBackend } from "../backend/wasm.ts";
import { networkShapes } from "../network/network.ts";
import { type Settings, specOf } from "./settings.ts";

/**
 * An agent's steps are many small operations. Below about so many parameters, what a call of a native kernel costs beyond
 * that of a WebAssembly one is more than it saves: measured in `docs/performance.md`.
 */
const fewParameters = 2000;

/** A new backend, with the kernels that are fastest for an agent of this size: always the same ones on one host. */
export function backendFor(settings: Settings): Promise<ImmediateBackend> {
  const size = networkShapes(specOf(settings)).reduce((sum, layer) => sum + layer.size, 0);
  return createWasmBackend(size < fewParameters ? { kernels: bestModule() } : {});
}
