/** The compiled kernels: one WebAssembly module of each kind a process. */
import { InputError } from "../formats/errors.ts";
import type { Kernels } from "./generated/kernels.ts";
import { version } from "./generated/version.ts";
import type { WasmMemory, WasmModule } from "./webassembly.ts";

/** Portable rounds a multiply-add twice; relaxed once, where the processor can, and faster. */
export type ModuleKind = "portable" | "relaxed";

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
  memory: WasmMemory,
  load?: (path: string) => unknown,
): AddonKernels {
  if (path === undefined) return { kernels: {} };
  if (load === undefined) throw new Error("an addon needs Node");
  const { kernels } = load(path) as { kernels(memory: WasmMemory): AddonKernels };
  return kernels(memory);
}

/** Node's `require`: it loads a CommonJS module, or says where it is. */
export interface Loader {
  (path: string): unknown;
  resolve(path: string): string;
}

/** What loads a CommonJS module, on Node, as the file at a path or URL does. */
export function loader(path: string | undefined): Loader | undefined {
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

const modules = new Map<string, Promise<WasmModule>>();

/** The module of one kind, compiled on first use; `shared`: it takes a memory that threads share. */
export function kernelModule(kind: ModuleKind, shared = false): Promise<WasmModule> {
  const name = `${kind}${shared ? ", shared" : ""}`;
  let module = modules.get(name);
  if (!module) {
    module = compile(kind, shared);
    modules.set(name, module);
    // A page that could not load them may ask again.
    module.catch(() => modules.delete(name));
  }
  return module;
}

async function compile(kind: ModuleKind, shared: boolean): Promise<WasmModule> {
  const bytes = await inflate(await load[kind]());
  return WebAssembly.compile(shared ? withSharedMemory(bytes) : bytes);
}

/** What was deflated and written in base64. */
async function inflate(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const deflated = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  // Not an import: browsers and bundlers never see it. Streams, which they have, take Node longer to load than this does.
  const zlib = typeof process === "object" ? process.getBuiltinModule?.("node:zlib") : undefined;
  if (zlib !== undefined) return new Uint8Array(zlib.inflateRawSync(deflated));
  const { readable, writable } = new DecompressionStream("deflate-raw");
  const writer = writable.getWriter();
  const written = writer.write(deflated).then(() => writer.close());
  const reader = readable.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
  await written;
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Deflated, in base64. Only the kind that is wanted is loaded: in a bundle each is a file of its own. */
const load: Record<ModuleKind, () => Promise<string>> = {
  portable: async () => (await import("./generated/portable.ts")).portable,
  relaxed: async () => (await import("./generated/relaxed.ts")).relaxed,
};

/**
 * Of which kind a module is that a user has compiled.
 *
 * @throws InputError where it is none of this version's kernels
 */
export function kindOf(module: WasmModule): ModuleKind {
  const expected =
    'expected what is compiled of "flipnet/kernels/portable.wasm" or "flipnet/kernels/relaxed.wasm"';
  if (!(module instanceof WebAssembly.Module)) {
    throw new InputError(`module is no WebAssembly.Module; ${expected}`);
  }
  // Written by scripts/build-kernels.mjs.
  const [label] = WebAssembly.Module.customSections(module, "flipnet");
  const [kind, found] = new TextDecoder().decode(label).split(" ");
  if (kind !== "portable" && kind !== "relaxed") {
    throw new InputError(`module has none of flipnet's kernels; ${expected}`);
  }
  if (found !== version) {
    throw new InputError(`module has the kernels of another version of flipnet; ${expected} of this one`);
  }
  return kind;
}

/** The import section as it is compiled: a memory of one page or more. */
const importOfMemory = [2, 15, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 0, 1];
/** A shared one, of 65,536 pages at most. */
const importOfSharedMemory = [
  2, 18, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 3, 1, 128, 128, 4,
];

function withSharedMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const start = bytes.findIndex((_, i) => importOfMemory.every((byte, k) => bytes[i + k] === byte));
  const shared = new Uint8Array(bytes.length - importOfMemory.length + importOfSharedMemory.length);
  shared.set(bytes.subarray(0, start));
  shared.set(importOfSharedMemory, start);
  shared.set(bytes.subarray(start + importOfMemory.length), start + importOfSharedMemory.length);
  return shared;
}
