/** `flipnet audit`: exact bias and variance of the estimators on a small network. */
import { type Command, Option } from "commander";
import type { AuditOptions, AuditSpec } from "flipnet/internal/audit/audit";
import { InputError } from "flipnet/internal/formats/errors";
import { wholeNumber } from "./numbers.ts";

interface Flags {
  json?: boolean;
  estimators?: string[];
  backend: "reference" | "wasm";
  baseline?: string;
  steps: string;
  simulate?: string;
  seed?: string;
  states?: string;
  examples?: string;
}

export function defineAudit(program: Command): void {
  program
    .command("audit")
    .description("exact gradient of a small network, and every estimator's mean, bias and variance")
    .argument(
      "<spec>",
      "a run's folder, or a JSON file: a network with its contexts and rewards, with components of a function, or with states and transitions; or an encoder and decoder with images",
    )
    .option("--json", "print everything as JSON instead of a table")
    .option(
      "--estimators <names>",
      "these only, separated by commas, with options as in disarm:samples=4, or from a file as in ./mine.mjs; default all that can serve",
      (names) => names.split(","),
    )
    .addOption(
      new Option("--backend <name>", "where the estimators run")
        .choices(["reference", "wasm"])
        .default("reference"),
    )
    .option("--baseline <value>", "none, running-average or a number, in place of the spec's")
    .option("--steps <n>", "2: also the bias of a second step, once baselines have moved", "1")
    .option(
      "--simulate <samples>",
      "draw so many gradients of each estimator instead of enumerating them; a network too large for an exact gradient is held against an unbiased estimator",
    )
    .option("--seed <n>", "of the simulation; default 0")
    .option(
      "--states <n>",
      "of a run: units are left out until one pass can come out in so many ways; default 4096, with --simulate as many as there are",
    )
    .option("--examples <n>", "of a run: contexts or images, the test set's first; default 2")
    .action(runAudit);
}

/** Whole numbers are checked here; what they may be, the audit says. */
function optionsOf({ baseline, steps, simulate, seed }: Flags): AuditOptions {
  const drawn = {
    ...(simulate !== undefined && { samples: wholeNumber("--simulate", simulate, 2) }),
    ...(seed !== undefined && { seed: wholeNumber("--seed", seed, 0) }),
  };
  if (seed !== undefined && simulate === undefined) {
    throw new InputError(`--seed is ${seed} without --simulate; expected both`);
  }
  return {
    ...(baseline !== undefined && { baseline: baselineOf(baseline) }),
    steps: wholeNumber("--steps", steps, 1, 2) as 1 | 2,
    ...(simulate !== undefined && { simulate: drawn }),
  };
}

function baselineOf(text: string): "none" | "running-average" | number {
  if (text === "none" || text === "running-average") return text;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new InputError(`--baseline is ${text}; expected none, running-average or a number`);
}

async function runAudit(path: string, flags: Flags): Promise<void> {
  const options = optionsOf(flags);
  const { simulate } = flags;
  const { audit } = await import("flipnet/internal/audit/audit");
  const { formatAudit } = await import("flipnet/internal/audit/format");
  const { createReferenceBackend } = await import("flipnet/internal/backend/reference");
  const { createWasmBackend } = await import("flipnet/internal/backend/wasm");
  const { formatBar, formatSeconds, StatusLine } = await import("./terminal.ts");
  const { chooseEstimator } = await import("../settings/estimator.ts");
  const { isFile } = await import("../settings/module.ts");
  const { parseEstimatorText } = await import("flipnet/internal/estimators/options");
  const wanted = (text: string) =>
    isFile(parseEstimatorText(text).name) ? chooseEstimator(parseEstimatorText(text)).estimator : text;

  const status = new StatusLine(process.stderr);
  const { spec, said } = await specAt(path, flags);
  if (said !== undefined) process.stderr.write(`${said}\n`);
  const report = audit(spec, {
    backend: flags.backend === "wasm" ? await createWasmBackend() : createReferenceBackend(),
    // Of a run nobody knows beforehand how many states an estimator has.
    ...(said !== undefined && { maximumStates: 2 ** 20 }),
    ...options,
    ...(flags.estimators && { estimators: flags.estimators.map(wanted) }),
    onProgress: ({ done, total, estimator = "exact gradient", secondsLeft }) => {
      const what = simulate === undefined ? "states" : "samples";
      const states = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} ${what}`;
      const text = `${estimator}, ${states}, ${formatSeconds(secondsLeft)} left`;
      status.update({ drawn: () => `${formatBar(done / total, 24)} ${text}`, plain: () => text });
    },
  });
  status.clear();
  process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : formatAudit(report));
}

/** The spec in a file; or of a run, with what was cut. */
async function specAt(
  path: string,
  { states, examples, simulate }: Flags,
): Promise<{ spec: AuditSpec; said?: string }> {
  const { readFile, stat } = await import("node:fs/promises");
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) {
    const { cutRun } = await import("./audit-run.ts");
    return cutRun(path, {
      states:
        states === undefined && simulate !== undefined
          ? Number.POSITIVE_INFINITY
          : wholeNumber("--states", states ?? "4096", 1, 2 ** 24),
      examples: wholeNumber("--examples", examples ?? "2", 1, 1000),
    });
  }
  for (const [flag, given] of Object.entries({ states, examples })) {
    if (given === undefined) continue;
    throw new InputError(`--${flag} is ${given}; expected none, as ${path} is no run's folder`);
  }
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new InputError(`the spec ${path} cannot be read (${cause.code ?? cause.message})`, { cause });
  });
  const { parseJson } = await import("../settings/config.ts");
  try {
    const content = parseJson(text) as AuditSpec & { spec?: AuditSpec };
    // The library's golden files hold the expected answers beside the spec.
    return { spec: content?.spec ?? content };
  } catch (cause) {
    throw new InputError(`the spec ${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
