// npm run test:interop: exports of a few short runs, read back by the Python packages of their formats, value by value
// (test/interop). They are installed into .venv-interop, once, from PyPI; where it cannot be reached nothing is checked,
// and the last line says so: `skipped: ...`.
import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "..");
const main = join(root, "dist/cli/main.js");
const checks = join(root, "test/interop");
const environment = join(root, ".venv-interop");
const python = join(environment, "bin/python");

/** Every task, kind of layer and backend, and a batch of one, whose variance is null. */
const trainings = [
  "--limit 500 --hidden 20,10 --epochs 3",
  "--limit 40 --hidden 8 --epochs 2 --batch-size 1 --baseline running-average --seed 7",
  "--limit 200 --hidden 6,softmax:4x3 --epochs 2 --estimator reinforce --optimizer sgd --output softmax",
  "--limit 60 --hidden 5 --epochs 2 --backend reference --units zero-one --learning-rate 1e-3,1e-2",
  "--limit 60 --hidden 5 --convolutions 2 --epochs 1",
  "--task multiplexer --k 2 --hidden 8,6 --steps 90 --record-every 40",
  "--task vae --limit 200 --hidden 12,9 --epochs 4 --evaluate-every 2 --bound-samples 2",
];

function run(command, args, options) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", ...options });
  return { ok: status === 0, output: error?.message ?? `${stdout ?? ""}${stderr ?? ""}`.trim() };
}

function end(code, message) {
  console.log(message);
  process.exit(code);
}

/** Makes the virtual environment, unless it is there and has these requirements. */
function prepareEnvironment() {
  const requirements = join(checks, "requirements.txt");
  const digest = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const installed = join(environment, "installed");
  if (existsSync(installed) && readFileSync(installed, "utf8") === digest) return;

  const made = run("python3", ["-m", "venv", "--clear", environment]);
  if (!made.ok) end(1, `FAILED: python3 -m venv (Debian has it as python3-venv): ${made.output}`);
  const pip = ["-m", "pip", "install", "--no-deps", "--no-compile", "--retries", "2", "--timeout", "20"];
  const { ok, output } = run(python, [...pip, "--disable-pip-version-check", "-r", requirements]);
  if (!ok && isUnreachable(output)) end(0, `${output}\nskipped: PyPI cannot be reached, nothing was checked`);
  if (!ok) end(1, `${output}\nFAILED: pip could not install test/interop/requirements.txt`);
  writeFileSync(installed, digest);
}

/** Whether pip says that nobody answered, in place of an answer that it did not like. */
const isUnreachable = (output) =>
  /connection broken|ConnectionError|ProxyError|Read timed out|SSLError/i.test(output) &&
  !/from versions: (?!none)/.test(output);

async function flipnet(...args) {
  const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], { cwd: scratch });
  return stdout;
}

const began = performance.now();
prepareEnvironment();
const prepared = performance.now();

const scratch = mkdtempSync(join(tmpdir(), "flipnet-interop-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const settings of trainings) await flipnet("train", ...settings.split(" "), "--out", "runs", "--quiet");
for (const name of ["metrics.csv", "metrics.parquet"]) {
  await flipnet("export", "runs", "--format", name.split(".")[1], "--out", `exports/${name}`);
}
await flipnet("export", "runs", "--format", "tensorboard", "--out", "exports/tensorboard");
for (const name of readdirSync(join(scratch, "runs"))) {
  const [run, folder] = [`runs/${name}`, `exports/safetensors/${name}`];
  await flipnet("export", run, "--format", "safetensors", "--out", `${folder}/parameters.safetensors`);
  await flipnet(
    "export",
    run,
    "--format",
    "safetensors",
    "--with-optimizer",
    "--out",
    `${folder}/with-optimizer.safetensors`,
  );
}

const exported = performance.now();
const { ok, output } = run(python, [join(checks, "check.py"), "runs", "exports"], {
  cwd: scratch,
});
console.log(output);
const seconds = (from, to) => `${((to - from) / 1000).toFixed(1)} s`;
const times = `${seconds(began, prepared)} to install, ${seconds(prepared, exported)} to train and export, ${seconds(exported, performance.now())} to check`;
end(ok ? 0 : 1, ok ? `all is read back as it was (${times})` : "FAILED: an export is not what its run is");
