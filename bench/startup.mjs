// What passes until the command line answers, and until `flipnet train` has taken its first step on MNIST.
//
// Every figure is a process started anew, in turns with one that does nothing (`node -e 0`). Wall time holds on a quiet
// machine only; time of the processor, user and system, holds on a busy one too, but for what waiting for it costs.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { spread } from "./lib/measure.mjs";
import { number, range } from "./lib/table.mjs";

const main = fileURLToPath(new URL("../packages/cli/dist/main.js", import.meta.url));
const probe = new URL("lib/startup-probe.mjs", import.meta.url).href;
const phases = fileURLToPath(new URL("lib/startup-phases.mjs", import.meta.url));
const learner = new URL("../packages/flipnet/dist/training/learner.js", import.meta.url).href;

/** `[{ what, args, most }]`: arguments of Node; `most` is the target, in milliseconds of wall time. */
const commands = [
  { what: "node -e 0", args: ["-e", "0"] },
  { what: "--version", args: [main, "--version"], most: 150 },
  { what: "--help", args: [main, "--help"], most: 150 },
  { what: "estimators", args: [main, "estimators"], most: 150 },
  { what: "a flag that is none", args: [main, "train", "--epoch", "1"], most: 150 },
  ...["bandit", "vae", "multiplexer"].map((task) => ({
    what: `train --task ${task}, first step`,
    args: [main, "train", "--task", task, "--quiet", "--out"],
    firstStep: true,
    most: 1000,
  })),
];

/** Milliseconds of wall time and of the processor's, as the process says when it is done. */
function start({ args, firstStep = false }) {
  const out = mkdtempSync(join(tmpdir(), "flipnet-startup-"));
  try {
    const began = Date.now();
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", probe, ...args, ...(firstStep ? [out] : [])],
      { encoding: "utf8", env: { ...process.env, FIRST_STEP_OF: firstStep ? learner : "" } },
    );
    const said = /^startup-probe (.*)$/m.exec(stderr);
    if (said === null) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
    const { now, cpu, resident } = JSON.parse(said[1]);
    return { wall: now - began, cpu, resident };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Milliseconds of the processor's time by phase, until the first step of a training. */
function phasesOf(task) {
  const { stdout } = spawnSync(process.execPath, [phases, task], { encoding: "utf8" });
  return JSON.parse(stdout);
}

/** Start-up of commands: `data.commands` is `[{ what, wall, cpu, more, resident }]` in milliseconds and MiB; `phases` those of `train`. */
export async function benchmarkStartUp({ quick = false } = {}) {
  const runs = commands.map(() => []);
  const tasks = ["bandit", "vae"];
  const byPhase = tasks.map(() => []);
  for (let round = 0; round < (quick ? 5 : 15); round++) {
    for (const [i, command] of commands.entries()) runs[i].push(start(command));
    for (const [i, task] of tasks.entries()) byPhase[i].push(phasesOf(task));
  }
  const measured = commands.map(({ what, most }, i) => ({
    what,
    most,
    wall: spread(runs[i].map(({ wall }) => wall)),
    cpu: spread(runs[i].map(({ cpu }) => cpu)),
    /** Beyond what Node itself takes. */
    more: spread(runs[i].map(({ cpu }, round) => cpu - runs[0][round].cpu)),
    resident: spread(runs[i].map(({ resident }) => resident)),
  }));
  const phases = Object.keys(byPhase[0][0]).map((phase) => ({
    phase,
    ...Object.fromEntries(tasks.map((task, i) => [task, spread(byPhase[i].map((times) => times[phase]))])),
  }));
  return {
    data: { commands: measured, phases },
    timings: measured.map(({ what, cpu }) => ({ what: `start-up: ${what}`, unit: "ms", ...cpu })),
    tables: [
      [
        "Start-up of a process, ms",
        [
          ["", "wall (quartiles)", "processor (quartiles)", "beyond Node's", "memory, MiB"],
          ...measured.map(({ what, wall, cpu, more, resident }) => [
            what,
            range(wall),
            range(cpu),
            number(more.median),
            number(resident.median),
          ]),
        ],
      ],
      [
        "Start-up of train until its first step, ms of the processor (quartiles)",
        [["", ...tasks], ...phases.map(({ phase, bandit, vae }) => [phase, range(bandit), range(vae)])],
      ],
    ],
    targets: measured
      .filter(({ most }) => most !== undefined)
      .map(({ what, cpu, most }) => ({
        what: `${what}, ms of the processor`,
        measured: cpu.median,
        atMost: most,
      })),
  };
}

if (process.argv[1] === import.meta.filename) {
  const { printTable } = await import("./lib/table.mjs");
  const { describeHost } = await import("./lib/host.mjs");
  const { cpu, node, load } = describeHost();
  const { tables } = await benchmarkStartUp({ quick: process.argv.includes("--quick") });
  console.log(`${cpu}, Node ${node}, load ${load} before and ${describeHost().load} after`);
  tables.forEach(printTable);
}
