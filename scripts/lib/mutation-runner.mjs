// How vitest runs a test for `npm run test:mutation`: as it is, then again with each mutant on that it has reached and that
// no test has noticed yet. What comes of it is written down line by line, as a mutant may hang the process.
import { setMaxListeners } from "node:events";
import { appendFileSync, readFileSync } from "node:fs";
import { inject, TestRunner } from "vitest";

/** `always`: the one mutant that is on from the beginning, if any. `journal`: what has happened so far. The rest in milliseconds. */
const { always, journal, longest, most, mostHere } = inject("mutation");

let on = always;
/** How often it was asked whether a mutant is on, and how often that may be: a loop that has no end asks for ever. */
let asked = 0;
let mostAsked = Infinity;
/** What is reached by no test in particular: while files are read, and by hooks. */
const byFile = new Set();
let reached = byFile;

globalThis.mutant = (number) => {
  reached.add(number);
  if (++asked > mostAsked) throw new Error("it goes on for ever");
  return number === on;
};

setMaxListeners(0); // A test's time limit listens once a repetition.

const note = (line) => appendFileSync(journal, `${JSON.stringify(line)}\n`);
const lines = readFileSync(journal, "utf8").trim().split("\n");
const noticed = new Set();
/** On each mutant, in this file and in all. */
const [here, spent] = [new Map(), new Map()];
const spend = (on, number, took) => on.set(number, (on.get(number) ?? 0) + took);
/** What each test takes as it is. */
const times = new Map();
for (const { killed, tries, test, took } of lines.filter(Boolean).map((line) => JSON.parse(line))) {
  if (killed !== undefined) noticed.add(killed);
  if (tries !== undefined) spend(spent, tries, took);
  if (test !== undefined) times.set(test, took);
}
note({ pid: process.pid });

/** A test's name with those of its suites. */
const nameOf = (task) => (task.suite ? `${nameOf(task.suite)} > ${task.name}` : task.name);

export default class extends TestRunner {
  async runTask(test) {
    const run = TestRunner.getTestFn(test);
    if (always !== 0) {
      if (times.get(test.id) <= longest) await run();
      return;
    }
    [reached, asked, mostAsked] = [new Set(), 0, Infinity];
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    const took = (user + system) / 1000;
    const mutants = [...reached];
    const once = asked;
    reached = byFile;
    note({ test: test.id, took, reached: mutants, byFile: [...byFile] });
    if (took > longest) return;
    const tried = mutants.filter(
      (one) => !noticed.has(one) && (here.get(one) ?? 0) < mostHere && (spent.get(one) ?? 0) < most,
    );
    if (tried.length === 0 || !(await passes(run))) return; // What cannot be repeated tells nothing.
    for (const number of tried) {
      for (const on of [here, spent]) spend(on, number, took);
      note({ tries: number, took });
      [on, asked, mostAsked] = [number, 0, 3 * once + 10_000];
      const survives = await passes(run);
      [on, mostAsked] = [0, Infinity];
      if (survives) continue;
      noticed.add(number);
      note({ killed: number, by: nameOf(test) });
      // What tests share may be spoilt: then the file is begun anew, without this mutant.
      await run();
    }
  }
}

async function passes(run) {
  try {
    await run();
    return true;
  } catch {
    return false;
  }
}
