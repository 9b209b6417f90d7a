// npm run test:interop: exports of a few short runs, read back by the Python packages of their formats, value by value
// (test/interop). They are installed into .venv-interop, once, from PyPI; where it cannot be reached nothing is checked,
// and the last line says so: `skipped: ...`; with REQUIRE_PYPI set that is a failure.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { exportRuns, parseConfig, trainRun } from "../packages/cli/dist/index.js";
import { writePasses } from "../test/interop/passes.mjs";

const root = resolve(import.meta.dirname, "..");
const checks = join(root, "test/interop");
const environment = join(root, ".venv-interop");
const python = join(environment, "bin/python");

/** Every task, kind of layer and backend, and a batch of one, whose variance is null. */
const trainings = [
  { limit: 500, hidden: [20, 10], epochs: 3 },
  { limit: 40, hidden: [8], epochs: 2, batchSize: 1, baseline: "running-average", seed: 7 },
  {
    limit: 200,
    hidden: [6, "softmax:4x3", "5@input+0"],
    epochs: 2,
    estimator: "reinforce",
    optimizer: "sgd",
  },
  { limit: 60, hidden: [5], epochs: 2, backend: "reference", units: "zero-one", learningRate: [1e-3, 1e-2] },
  { limit: 60, hidden: [5], epochs: 1, convolutions: [2] },
  { task: "multiplexer", k: 2, hidden: [8, 6], steps: 90, recordEvery: 40 },
  { task: "control", environment: "cart-pole", hidden: [8, 6], steps: 400, recordEvery: 200 },
  {
    task: "control",
    environment: "grid-world",
    lastLogit: "fixed",
    hidden: [8],
    steps: 100,
    recordEvery: 50,
  },
  { task: "vae", limit: 200, hidden: [12, "softmax:3x4"], epochs: 4, evaluateEvery: 2, boundSamples: 2 },
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
  if (!ok && isUnreachable(output))
    end(process.env.REQUIRE_PYPI ? 1 : 0, `${output}\nskipped: PyPI cannot be reached, nothing was checked`);
  if (!ok) end(1, `${output}\nFAILED: pip could not install test/interop/requirements.txt`);
  writeFileSync(installed, digest);
}

/** Whether pip says that nobody answered, in place of an answer that it did not like. */
const isUnreachable = (output) =>
  /connection broken|ConnectionError|ProxyError|Read timed out|SSLError/i.test(output) &&
  !/from versions: (?!none)/.test(output);

const began = performance.now();
prepareEnvironment();
const prepared = performance.now();

const scratch = mkdtempSync(join(tmpdir(), "flipnet-interop-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
const [runs, exports] = [join(scratch, "runs"), join(scratch, "exports")];
const exportTo = (out, folder, options) => exportRuns([folder], { ...options, out: join(exports, out) });
for (const settings of trainings) {
  const { folder, config } = await trainRun(parseConfig({ ...settings, out: runs }));
  const name = basename(folder);
  for (const [file, withOptimizer] of [
    ["parameters", undefined],
    ["with-optimizer", true],
  ]) {
    await exportTo(`safetensors/${name}/${file}.safetensors`, folder, {
      format: "safetensors",
      withOptimizer,
    });
  }
  for (const graph of ["sample", "noise", "mean-field"]) {
    await exportTo(`onnx/${name}/${graph}.onnx`, folder, { format: "onnx", graph });
  }
  for (const part of config.task === "vae" ? ["encoder", "decoder", "generator"] : []) {
    await exportTo(`onnx/${name}/part-${part}.onnx`, folder, { format: "onnx", part });
  }
  await writePasses(folder, join(exports, "onnx", name));
}
await exportTo("metrics.csv", runs, { format: "csv" });
await exportTo("metrics.parquet", runs, { format: "parquet" });
await exportTo("tensorboard", runs, { format: "tensorboard" });

const exported = performance.now();
const command = `"${process.execPath}" "${join(root, "packages/cli/bin/flipnet.js")}"`;
const env = { ...process.env, FLIPNET: command, PYTHONPATH: join(root, "python"), MPLBACKEND: "Agg" };
const { ok, output } = run(python, [join(checks, "check.py"), runs, exports], { env });
console.log(output);
const seconds = (from, to) => `${((to - from) / 1000).toFixed(1)} s`;
const times = `${seconds(began, prepared)} to install, ${seconds(prepared, exported)} to train and export, ${seconds(exported, performance.now())} to check`;
end(ok ? 0 : 1, ok ? `all is read back as it was (${times})` : "FAILED: an export is not what its run is");
