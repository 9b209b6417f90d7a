// Kills runs at random moments, resumes them, and checks that what comes out is what an undisturbed run gives: the same
// metrics (wall times aside) and the same bytes in every tensor. `npm run test:kill`, or after a build
// `node scripts/test-kill.mjs [KILLS] [SEED]`: 24 kills by default; the seed decides the moments.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeSafetensors } from "../dist/index.js";

const kills = Number(process.argv[2] ?? 24);
const seed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const main = new URL("../dist/cli/main.js", import.meta.url).pathname;
const settings =
  "--limit 2000 --hidden 50,20 --epochs 30 --baseline running-average --learning-rate 1e-3".split(" ");

/** Numbers in [0, 1), the same for the same seed. */
let state = seed;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

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

/** What has to be the same. */
function outcome(out) {
  const folder = join(out, readdirSync(out)[0]);
  const records = readFileSync(join(folder, "metrics.jsonl"), "utf8").trimEnd().split("\n");
  const { tensors } = decodeSafetensors(
    readFileSync(join(folder, "checkpoints", "latest.safetensors")),
    "it",
  );
  const { msPerStep, ...summary } = JSON.parse(readFileSync(join(folder, "summary.json"), "utf8"));
  return JSON.stringify({
    summary,
    records: records.map((line) => ({ ...JSON.parse(line), msPerStep: undefined })),
    tensors: Object.entries(tensors).map(([name, { shape, data }]) => {
      return [name, shape, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64")];
    }),
  });
}

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
