// Kills runs at random moments, resumes them, and checks that what comes out is what an undisturbed run gives: the same
// metrics (wall times aside) and the same bytes in every tensor. `npm run test:kill`, or after a build
// `node scripts/test-kill.mjs [KILLS] [SEED]`: 24 kills by default; the seed decides the moments.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outcomeOf, randomFrom } from "./lib/runs.mjs";

const kills = Number(process.argv[2] ?? 24);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const main = new URL("../packages/cli/dist/main.js", import.meta.url).pathname;
const settings =
  "--limit 2000 --hidden 50,20 --epochs 30 --baseline running-average --learning-rate 1e-3".split(" ");

const random = randomFrom(seed);

/** Runs flipnet; `signal` is sent after so many milliseconds, unless it is done by then. */
function train(out, seed, signal, milliseconds) {
  const child = spawn(
    process.execPath,
    [main, "train", ...settings, "--seed", `${seed}`, "--out", out, "--resume", "--quiet"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const timer = signal && setTimeout(() => child.kill(signal), milliseconds);
  return new Promise((resolve) => {
    child.on("close", (code, endedBy) => {
      clearTimeout(timer);
      resolve({ code, endedBy, errors });
    });
  });
}

const outcome = (out) => outcomeOf(join(out, readdirSync(out)[0]));

function fail(problem) {
  console.log(`FAILED (seed ${seed}): ${problem}`);
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), "flipnet-kill-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

let killed = 0;
for (let run = 0; killed < kills; run++) {
  const calm = join(scratch, `calm-${run}`);
  const began = performance.now();
  const { code, errors } = await train(calm, run);
  if (code !== 0) fail(`the undisturbed run ended with ${code}: ${errors}`);
  const duration = performance.now() - began;

  const rough = join(scratch, `rough-${run}`);
  let [hard, soft] = [0, 0];
  for (let finished = false; !finished; ) {
    // Now and then a signal that lets it write a checkpoint, so that some runs go on in the middle of an epoch.
    const signal = random() < 0.25 ? "SIGTERM" : "SIGKILL";
    const end = await train(rough, run, killed < kills && signal, random() * duration);
    if (end.endedBy === "SIGKILL") {
      hard++;
      killed++;
    } else if (end.code === 130 || end.endedBy === "SIGTERM") soft++;
    else if (end.code === 0) finished = true;
    else fail(`a resumed run ended with ${end.code}: ${end.errors}`);
  }
  if (outcome(rough) !== outcome(calm)) fail(`run ${run} differs after ${hard} kills`);
  console.log(`run ${run}: the same after ${hard} kills and ${soft} interruptions`);
}
console.log(`${killed} kills, nothing lost (seed ${seed})`);
