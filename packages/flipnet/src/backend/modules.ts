/** The compiled kernels: one WebAssembly module of each kind a process. */
import type { Kernels } from "./generated/kernels.ts";
import { portable } from "./generated/portable.ts";
import { relaxed } from "./generated/relaxed.ts";

/** Portable rounds a multiply-add twice; relaxed once, where the processor can, and faster. */
export type KernelKind = "portable" | "relaxed";

/** An exported function. It takes addresses, whole numbers and floats. */
export type Kernel = (...operands: number[]) => number;

/** Kernels from elsewhere, on the same memory: a native addon. */
export interface Addon {
  /** What its arithmetic is called: see `Features`. */
  readonly arithmetic: string;
  /**
   * The path of a CommonJS module, on Node, that each thread loads. It exports `kernels(memory)`, a function that gives
   * the kernels which take the place of those of the same name.
   */
  readonly module: string;
}

/** What an addon's module gives. */
export interface AddonKernels {
  /** By name; addresses are in bytes, from the start of the memory. */
  readonly kernels: Partial<Kernels>;
  /** Called when the memory has grown: its `buffer` is another one then. Shared memory stays where it is. */
  readonly grown?: () => void;
}

/** The kernels of an addon; none without one. Sent to threads as text: it refers to nothing outside. */
export function loadAddon(
  path: string | undefined,
  memory: WebAssembly.Memory,
  load?: (path: string) => unknown,
): AddonKernels {
  if (path === undefined) return { kernels: {} };
  if (load === undefined) throw new Error("an addon needs Node");
  const { kernels } = load(path) as { kernels(memory: WebAssembly.Memory): AddonKernels };
  return kernels(memory);
}

/** What loads a CommonJS module, on Node. */
export function loader(path: string | undefined): ((path: string) => unknown) | undefined {
  // Not an import: browsers and bundlers never see it.
  const node = typeof process === "object" ? process.getBuiltinModule?.("node:module") : undefined;
  return path === undefined ? undefined : node?.createRequire(path);
}

/** `(func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0)))` */
const probe = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic, version
  ...[1, 6, 1, 0x60, 1, 0x7b, 1, 0x7b], // type section: v128 -> v128
  ...[3, 2, 1, 0], // function section
  ...[10, 13, 1, 11, 0, 0x20, 0, 0x20, 0, 0x20, 0, 0xfd, 0x85, 2, 0x0b], // code section
);

let supported: boolean | undefined;

/** Whether this host runs relaxed SIMD. Node 20 has it behind a flag, which is set here. */
export function relaxedSimdSupported(): boolean {
  if (supported === undefined && !WebAssembly.validate(probe)) {
    try {
      // Not an import: browsers and bundlers never see it.
      const v8 = typeof process === "object" ? process.getBuiltinModule?.("node:v8") : undefined;
      v8?.setFlagsFromString("--experimental-wasm-relaxed-simd");
    } catch {
      // Then the host stays as it is.
    }
  }
  supported ??= WebAssembly.validate(probe);
  return supported;
}

/** The kernels that a run has where it does not name any. */
export const bestKernels = (): KernelKind => (relaxedSimdSupported() ? "relaxed" : "portable");

const modules = new Map<string, Promise<WebAssembly.Module>>();

/** The module of one kind, compiled on first use; `shared`: it takes a memory that threads share. */
export function kernelModule(kind: KernelKind, shared = false): Promise<WebAssembly.Module> {
  const name = `${kind}${shared ? ", shared" : ""}`;
  let module = modules.get(name);
  if (!module) {
    const decoded = atob(kind === "relaxed" ? relaxed : portable);
    const text = shared ? decoded.replace(importOfMemory, importOfSharedMemory) : decoded;
    const bytes = new Uint8Array(text.length);
    // `Uint8Array.from` takes several times as long, at every start of a program.
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    module = WebAssembly.compile(bytes);
    modules.set(name, module);
  }
  return module;
}

/** The import section as it is compiled: a memory of one page or more. */
const importOfMemory = "\x02\x0f\x01\x03env\x06memory\x02\x00\x01";
/** A shared one, of 65,536 pages at most. */
const importOfSharedMemory = "\x02\x12\x01\x03env\x06memory\x02\x03\x01\x80\x80\x04";
