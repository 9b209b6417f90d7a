// The host's own limits: rates of vector operations and bandwidths, measured by loops that do nothing else (limits.ts).
// Kernels are judged by them, so they take turns with the kernels: what slows one slows the other. Those of native kernels
// are measured at their width, by loops of their addon.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import asc from "assemblyscript/asc";

const operationsPerRound = 48;
const rates = ["madd", "multiply", "add", "divide", "root", "mixed", "integer", "shift", "beside"];
const movements = ["read", "write", "update", "copy"];
/** Bytes that a pass goes over. */
const sizes = [
  ...[8, 16, 32, 64, 128, 256, 512].map((n) => n * 1024),
  ...[1, 2, 4, 8, 16, 32, 128].map((n) => n * 1024 * 1024),
];
const page = 0x10000;

async function loops(kernels) {
  if (kernels.startsWith("native")) {
    const { limit } = createRequire(import.meta.url)("@flipnet/native");
    const operations = rates.map((name) => [name, (rounds) => limit(kernels, name, rounds)]);
    const passes = movements.map((name) => [name, (_, bytes) => limit(kernels, name, bytes)]);
    return Object.fromEntries([...operations, ...passes]);
  }
  let bytes;
  const { error, stderr } = await asc.main(
    [
      "bench/limits.ts",
      ...["--enable", "simd", ...(kernels === "relaxed" ? ["--enable", "relaxed-simd"] : [])],
      ...["--runtime", "stub", "--noAssert", "-O3", "--outFile", "limits.wasm"],
      ...["--initialMemory", `${sizes.at(-1) / page + 1}`],
    ],
    {
      writeFile(file, contents) {
        if (file.endsWith(".wasm")) bytes = contents;
      },
    },
  );
  if (error) throw new Error(stderr.toString());
  return (await WebAssembly.instantiate(bytes)).instance.exports;
}

/** `[{ level: "L1", bytes }]` of one core, as far as the system says. */
function caches() {
  const levels = [];
  for (let index = 0; ; index++) {
    const read = (what) =>
      readFileSync(`/sys/devices/system/cpu/cpu0/cache/index${index}/${what}`, "utf8").trim();
    try {
      if (read("type") === "Instruction") continue;
      const [, amount, unit] = /^(\d+)([KM]?)$/.exec(read("size"));
      levels.push({ level: `L${read("level")}`, bytes: amount * { "": 1, K: 1024, M: 1024 ** 2 }[unit] });
    } catch {
      return levels.length > 0 ? levels : undefined;
    }
  }
}

/** A size as people write it. */
export const inBytes = (bytes) => (bytes < 2 ** 20 ? `${bytes / 2 ** 10} KiB` : `${bytes / 2 ** 20} MiB`);

/**
 * `{ levelOf, samples }`: `samples` are what `takeTurns` measures, each with its `amount`, so that amount by
 * nanoseconds is a rate: vector operations, or bytes, a nanosecond. A copy's bytes are counted once, as they are read.
 */
export async function limitLoops(kernels) {
  const run = await loops(kernels);
  const start = page; // behind the module's own data
  run.write(start, sizes.at(-1));
  const known = caches();
  const samples = rates.map((name) => ({
    name,
    kind: "rate",
    // Native loops say themselves what they did.
    amount: run[name](100) ?? 100 * operationsPerRound,
    call: () => run[name](100),
  }));
  for (const bytes of sizes) {
    for (const name of movements) {
      const done = run[name](start, bytes) ?? bytes;
      const amount = name === "copy" ? done / 2 : done;
      samples.push({ name, kind: "bandwidth", bytes, amount, call: () => run[name](start, bytes) });
    }
  }
  /** The name of where a set of bytes lives. */
  const levelOf = (bytes) =>
    known ? (known.find((cache) => bytes <= cache.bytes)?.level ?? "memory") : inBytes(bytes);
  return { levelOf, samples };
}

/**
 * The limits as functions of one round's rates: `rateOf(sample)` is a rate a nanosecond.
 * `{ rates: { madd, ... }, bandwidth(movement, bytes) }`, the bandwidth being that of the smallest size that holds them.
 */
export function limitsFrom(samples, rateOf) {
  const found = { rates: {}, at: {} };
  for (const sample of samples) {
    if (sample.kind === "rate") found.rates[sample.name] = rateOf(sample);
    else {
      found.at[sample.name] ??= [];
      found.at[sample.name].push({ bytes: sample.bytes, rate: rateOf(sample) });
    }
  }
  // Whatever a vector operation is: the most that were ever done at a time.
  const { madd, multiply, add, mixed, integer } = found.rates;
  found.rates.any = Math.max(madd, multiply, add, mixed, integer);
  // How long a division keeps a multiply-add from being done: no time, where it has a unit of its own.
  found.rates.division = 1 / Math.max(0, 8 / found.rates.beside - 7 / madd);
  const bandwidth = (movement, bytes) =>
    (found.at[movement].find((measured) => bytes <= measured.bytes) ?? found.at[movement].at(-1)).rate;
  return { rates: found.rates, bandwidth };
}
