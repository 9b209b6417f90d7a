// npm run bench:tables [-- --splits 20] [--only PATTERN] [--out FOLDER]
//
// Five tables from Python's packages, cut into rows to learn from and rows to measure on, and on every cut: flipnet without a
// flag, told every row's class or only whether its guess was right; logistic regression and gradient boosting with
// scikit-learn's defaults. records.csv has every accuracy; table.md has their means and the differences to logistic
// regression, with 95 % intervals over the cuts, which all learners share. The tables come from PyPI, into a virtual
// environment that git ignores.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseConfig, trainRun } from "../../packages/cli/dist/index.js";
import { estimateMean } from "../../packages/cli/dist/report/statistics.js";
import { describeHost } from "../lib/host.mjs";

const { values } = parseArgs({
  options: {
    splits: { type: "string", default: "20" },
    only: { type: "string", default: "" },
    out: { type: "string", default: "results/tables" },
  },
});
const splits = Number(values.splits);
if (!(splits >= 2)) throw new Error(`--splits is ${values.splits}; expected 2 or more`);

const here = import.meta.dirname;
const environment = join(here, "../../.venv-tables");
const python = join(environment, "bin/python");

function run(command, args) {
  // On a busy machine, threads that wait for each other take many times as long.
  const env = { ...process.env, OMP_NUM_THREADS: "1" };
  const stdio = ["ignore", "inherit", "inherit"];
  const { status, error } = spawnSync(command, args, { stdio, env, cwd: here });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(" ")} ended with ${status}`);
}

/** The virtual environment, made the first time. */
function prepareEnvironment() {
  const installed = join(environment, "installed");
  const requirements = readFileSync(join(here, "requirements.txt"), "utf8");
  if (existsSync(installed) && readFileSync(installed, "utf8") === requirements) return;
  console.error("Installing scikit-learn, statsmodels and palmerpenguins from PyPI into .venv-tables");
  run("python3", ["-m", "venv", environment]);
  run(python, ["-m", "pip", "install", "--quiet", "-r", "requirements.txt"]);
  writeFileSync(installed, requirements);
}

/** As a person would name them who gives no other flag: the target, and of the bandit the task. */
const tasks = {
  "flipnet, known labels": {},
  "flipnet, bandit feedback": { task: "table-bandit" },
};
const baseline = "logistic regression";
const learners = [...Object.keys(tasks), "gradient boosting", baseline];

prepareEnvironment();
const scratch = mkdtempSync(join(tmpdir(), "flipnet-tables-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
run(python, ["tables.py", scratch, String(splits), values.only]);
const records = JSON.parse(readFileSync(join(scratch, "others.json"), "utf8"));
const tables = [...new Set(records.map(({ table }) => table))];
for (const table of tables) {
  for (const [learner, task] of Object.entries(tasks)) {
    const began = process.cpuUsage();
    for (let split = 0; split < splits; split++) {
      const [data, test] = ["train", "test"].map((name) =>
        join(scratch, table, String(split), `${name}.csv`),
      );
      const config = parseConfig({
        ...task,
        data,
        test,
        target: "target",
        seed: split,
        out: join(scratch, "runs"),
      });
      const { summary } = await trainRun(config);
      records.push({ table, split, learner, accuracy: summary.testAccuracy });
    }
    const { user, system } = process.cpuUsage(began);
    console.error(
      `${table}, ${learner}: ${((user + system) / 1e6 / splits).toFixed(1)} s of a processor a split`,
    );
  }
}

const accuraciesOf = (table, learner) =>
  records
    .filter((record) => record.table === table && record.learner === learner)
    .toSorted((a, b) => a.split - b.split)
    .map(({ accuracy }) => 100 * accuracy);
const differences = (table, learner) => {
  const others = accuraciesOf(table, baseline);
  return accuraciesOf(table, learner).map((accuracy, i) => accuracy - others[i]);
};
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
const cellOf = (list, mean) => {
  const { mean: difference, halfWidth } = estimateMean(list);
  return `${mean.toFixed(1)} (${signed(difference)} ± ${halfWidth.toFixed(1)})`;
};
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
const rowOf = (name, listOf, meanOf) => [
  name,
  ...learners.map((learner) =>
    learner === baseline ? meanOf(learner).toFixed(1) : cellOf(listOf(learner), meanOf(learner)),
  ),
];
/** Of each split the mean over the tables: their splits have nothing to do with each other. */
const overall = (learner) =>
  Array.from({ length: splits }, (_, i) => mean(tables.map((table) => differences(table, learner)[i])));
const rows = [
  ["table", ...learners],
  learners.map(() => "---").concat("---"),
  ...tables.map((table) =>
    rowOf(
      table,
      (learner) => differences(table, learner),
      (learner) => mean(accuraciesOf(table, learner)),
    ),
  ),
  rowOf("mean", overall, (learner) => mean(tables.map((table) => mean(accuraciesOf(table, learner))))),
];
const text = `${rows.map((row) => `| ${row.join(" | ")} |`).join("\n")}\n`;
await mkdir(values.out, { recursive: true });
const csv = [
  "table,split,learner,accuracy",
  ...records.map(
    ({ table, split, learner, accuracy }) => `${table},${split},"${learner}",${accuracy.toFixed(6)}`,
  ),
];
writeFileSync(join(values.out, "records.csv"), `${csv.join("\n")}\n`);
writeFileSync(join(values.out, "table.md"), text);
const { load, ...host } = describeHost();
console.log(`${text}\n${JSON.stringify({ ...host, load })}`);
