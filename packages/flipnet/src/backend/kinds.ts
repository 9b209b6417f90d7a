/** Kinds of kernels: runs repeat bit for bit within one of them. */
import { operands } from "./generated/version.ts";
import { type Addon, loader, type ModuleKind, relaxedSimdSupported } from "./modules.ts";

/**
 * WebAssembly's `portable` and `relaxed`; and native ones, by the bits of their vectors, which an addon has. A kind of
 * fewer bits gives the same bits on a processor that has more.
 */
export const kernelKinds = ["portable", "relaxed", "native-128", "native-256", "native-512"] as const;
export type KernelKind = (typeof kernelKinds)[number];

/** The package of native kernels; nothing depends on it. */
const native = "@flipnet/native";

/** What that package says of itself. */
interface NativePackage {
  /** Those of this processor, narrowest first; none where its addon could not be loaded. */
  kinds: readonly KernelKind[];
  /** Why not. */
  reason?: string | undefined;
  /** A digest of what the kernels take that it was made beside. */
  operands?: string;
}

let found: NativePackage | undefined;

const require = loader(import.meta.url);

/** The package beside this one, where there is one and this is Node. */
function nativePackage(): NativePackage {
  if (found === undefined) {
    try {
      found = require?.(native) as NativePackage | undefined;
    } catch {
      // It is not installed: nothing needs it.
    }
    // As before a clone was updated.
    if (found !== undefined && found.kinds.length > 0 && found.operands !== operands) {
      found = { kinds: [], reason: "it is made for other kernels: npm run build:native, in a clone" };
    }
    found ??= { kinds: [] };
  }
  return found;
}

/** The kinds that this host has, the fastest last. */
export const kernelsHere = (): readonly KernelKind[] => [
  "portable",
  ...(bestModule() === "relaxed" ? (["relaxed"] as const) : []),
  ...nativePackage().kinds,
];

/** The kernels that a run has where it does not name any. */
export const bestKernels = (): KernelKind => kernelsHere().at(-1)!;

/** The fastest of WebAssembly alone. */
export const bestModule = (): ModuleKind => (relaxedSimdSupported() ? "relaxed" : "portable");

/** What a kind asks of a processor, for the record. */
export const instructionsOf: Readonly<Record<KernelKind, string>> = {
  portable: "WebAssembly SIMD, 128 bits",
  relaxed: "WebAssembly relaxed SIMD, 128 bits",
  "native-128": "NEON, 128 bits",
  "native-256": "AVX2 and FMA, 256 bits",
  "native-512": "AVX-512, 512 bits",
};

/** Why there are no native kernels although their package is installed; none where there are, or it is not. */
export const nativeReason = (): string | undefined => nativePackage().reason;

/** Why this host cannot run a kind; none where it can. */
export function refusalOf(kind: KernelKind): string | undefined {
  const here = kernelsHere();
  if (here.includes(kind)) return undefined;
  const reason = kind.startsWith("native") ? nativeReason() : undefined;
  const one = here.map((name) => `"${name}"`).join(" or ");
  return `kernels is "${kind}"; expected ${one}, which this host has${reason === undefined ? "" : ` (${native}: ${reason})`}`;
}

/**
 * A kind as what makes it: a WebAssembly module, and kernels that take the place of its own.
 *
 * @throws RangeError for a kind that this host does not have
 */
export function partsOf(kind: KernelKind): { module: ModuleKind; addon?: Addon } {
  const refusal = refusalOf(kind);
  if (refusal !== undefined) throw new RangeError(refusal);
  if (kind === "portable" || kind === "relaxed") return { module: kind };
  return { module: "portable", addon: { arithmetic: kind, module: require!.resolve(`${native}/${kind}`) } };
}
