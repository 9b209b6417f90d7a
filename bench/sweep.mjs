// The same runs by the pool with one worker and with two, and by two chains of processes that know nothing of each other,
// in turns, in wall time: what a second core is worth, and what of that the pool keeps.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { runPool } from "../packages/cli/dist/running/pool.js";
import { parseConfig } from "../packages/cli/dist/settings/config.js";
import { describeHost } from "./lib/host.mjs";
import { spread } from "./lib/measure.mjs";
import { number, range } from "./lib/table.mjs";

const program = join(import.meta.dirname, "../packages/cli/dist/main.js");
const runs = 4;

/** Seconds of all runs: HNCA on MNIST, three layers of 200 units, an epoch each. */
async function seconds(workers, kernels, limit) {
  const out = await mkdtemp(join(tmpdir(), "flipnet-sweep-"));
  try {
    const jobs = Array.from({ length: runs }, (_, seed) => ({
      label: `seed ${seed}`,
      config: parseConfig({ hidden: [200, 200, 200], epochs: 1, limit, seed, kernels, out }),
    }));
    const start = performance.now();
    const results = await runPool(jobs, { program, workers });
    const failed = results.find(({ status }) => status !== "done");
    if (failed) throw new Error(`${failed.job.label}: ${failed.error}`);
    return (performance.now() - start) / 1000;
  } finally {
    await rm(out, { recursive: true });
  }
}

/** Seconds of the same runs by two chains of `flipnet train`, side by side. */
async function independent(kernels, limit) {
  const out = await mkdtemp(join(tmpdir(), "flipnet-sweep-"));
  try {
    const start = performance.now();
    const chain = async (seeds) => {
      for (const seed of seeds) {
        const settings = { hidden: "200,200,200", epochs: 1, limit, seed, kernels, out };
        const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
        const [code] = await once(spawn(process.execPath, [program, "train", ...flags, "--quiet"]), "exit");
        if (code !== 0) throw new Error(`flipnet train ends with ${code}`);
      }
    };
    await Promise.all([chain([0, 1]), chain([2, 3])]);
    return (performance.now() - start) / 1000;
  } finally {
    await rm(out, { recursive: true });
  }
}

/** `data`: `{ runs, cores, one, two, apart, speedup, kept, load }`: seconds with one and two workers and of two chains of
 * processes, ratios of each round. */
export async function benchmarkSweep({ kernels, quick }) {
  const times = { one: [], two: [], apart: [] };
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    times.one.push(await seconds(1, kernels, quick ? 10_000 : 60_000));
    times.two.push(await seconds(2, kernels, quick ? 10_000 : 60_000));
    times.apart.push(await independent(kernels, quick ? 10_000 : 60_000));
  }
  const [one, two, apart] = [spread(times.one), spread(times.two), spread(times.apart)];
  const speedup = spread(times.one.map((time, round) => time / times.two[round]));
  const kept = spread(times.apart.map((time, round) => time / times.two[round]));
  const { load } = describeHost();
  const cores = availableParallelism();
  return {
    data: { runs, cores, one, two, apart, speedup, kept, load },
    tables: [
      [
        `Sweep: ${runs} runs in wall time, ${cores} cores; load ${load} at the end, of which the sweep itself is up to 2`,
        [
          ["workers", "seconds (quartiles)", "times as fast"],
          ["1", range(one), ""],
          ["2", range(two), number(speedup.median)],
          ["none: 2 chains of processes", range(apart), number(one.median / apart.median)],
        ],
      ],
    ],
    timings: [
      { what: "sweep: 1 worker", unit: "s", ...one },
      { what: "sweep: 2 workers", unit: "s", ...two },
    ],
    targets: [
      { what: "sweep: 2 workers against 2 chains of processes", measured: kept.median, atLeast: 0.95 },
    ],
  };
}
