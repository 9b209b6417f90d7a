/** `flipnet evaluate`: what an agent would have earned, from the log of another. */
import type { Command } from "commander";
import type { ChallengerReport } from "flipnet/internal/agent/challenger";
import type { Estimate, PolicyValue } from "flipnet/internal/agent/off-policy";
import { InputError } from "flipnet/internal/formats/errors";
import { wholeNumber } from "./numbers.ts";
import { colorsFor } from "./terminal.ts";

interface Flags {
  policy: string;
  samples: string;
  bootstrap?: string;
  seed?: string;
  progressive?: boolean;
  defaultReward?: string;
  json?: boolean;
}

export function defineEvaluate(program: Command): void {
  program
    .command("evaluate")
    .description("what an agent would have earned, from the log of another: IPS, SNIPS and DR with intervals")
    .argument("<log...>", "files of a log that openAgentLog wrote, oldest first")
    .requiredOption("--policy <file>", "the agent, as its save() gave it")
    .option("--samples <n>", "samples of its coins behind each probability", "100")
    .option("--bootstrap <n>", "bootstrap samples behind the intervals; default 1000")
    .option("--seed <n>", "of the bootstrap; default 0")
    .option("--progressive", "let it learn from every decision after it was judged by it")
    .option("--default-reward <value>", "what decisions without a reward earned; default: they are left out")
    .option("--json", "print everything as JSON instead of a table")
    .action(evaluate);
}

async function evaluate(paths: string[], flags: Flags): Promise<void> {
  const samples = wholeNumber("--samples", flags.samples, 2);
  const bootstrap = wholeNumber("--bootstrap", flags.bootstrap ?? "1000", 40, 1_000_000);
  const seed = wholeNumber("--seed", flags.seed ?? "0", 0);
  if (flags.progressive && (flags.bootstrap ?? flags.seed) !== undefined) {
    throw new InputError(
      "--progressive has intervals without a bootstrap; expected no --bootstrap and --seed",
    );
  }
  const silence = numberOf(flags.defaultReward);
  const { readFile } = await import("node:fs/promises");
  const { loadAgent } = await import("flipnet/internal/agent/load");
  const { Challenger } = await import("flipnet/internal/agent/challenger");
  const { evaluatePolicy } = await import("flipnet/internal/agent/off-policy");
  const { readAgentLog } = await import("flipnet/internal/node/agent-log");

  const bytes = await readFile(flags.policy).catch((cause) => {
    throw new InputError(`${flags.policy} cannot be read (${cause.code}); expected a saved agent`, { cause });
  });
  const agent = await loadAgent(bytes);
  const entries = await readAgentLog(paths);
  const answered = entries.flatMap((entry) => {
    const reward = entry.reward ?? silence;
    return reward === undefined ? [] : [{ ...entry, reward }];
  });
  const blind = answered.find(({ context }) => context === undefined);
  if (blind !== undefined) {
    throw new InputError(
      `the decision ${blind.id} has no context; expected a log that was written with contexts: "keep"`,
    );
  }
  const unanswered = entries.length - answered.length;
  const warnings = [
    ...warn(
      unanswered,
      "without a reward, left out: where silence is an answer, say which with --default-reward",
    ),
    ...warn(
      answered.filter(({ id }) => agent.knows(id)).length,
      "that the policy has learned from: its value is too high",
    ),
    ...warn(
      answered.filter(({ floor }) => !(floor > 0)).length,
      "without a floor: what had no chance is not in the log",
    ),
  ];
  let found: PolicyValue | ChallengerReport;
  if (flags.progressive) {
    const challenger = new Challenger(agent, { samples });
    for (const one of answered) challenger.observe(one);
    found = challenger.report();
  } else {
    found = evaluatePolicy(
      answered,
      ({ context, allowed, actions }) =>
        agent.probabilities(context, { samples, ...(allowed && { allowed }), ...(actions && { actions }) })
          .probabilities,
      { bootstrap, seed },
    );
  }
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ ...found, unanswered, warnings }, undefined, 2)}\n`);
    return;
  }
  process.stdout.write("gain" in found ? progressOf(found, unanswered) : tableOf(found, unanswered));
  const { yellow } = colorsFor(process.stderr);
  for (const warning of warnings) process.stderr.write(`${yellow("warning:")} ${warning}\n`);
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new InputError(`--default-reward is ${text}; expected a number`);
}

const warn = (count: number, what: string): string[] =>
  count === 0 ? [] : [`the log has ${count} decisions ${what}`];

const head = `${"".padEnd(10)}${"value".padStart(10)}   95 % interval\n`;

const line = (name: string, { value, interval: [low, high] }: Estimate): string =>
  `${name.padEnd(10)}${value.toFixed(4).padStart(10)}   ${low.toFixed(4)} to ${high.toFixed(4)}\n`;

const progressOf = (found: ChallengerReport, unanswered: number): string =>
  [
    head,
    line("as logged", found.earned),
    line("learning", found.challenger),
    line("gain", found.gain),
    `${found.decisions} decisions, ${unanswered} without a reward left out; each was judged before it was learned from\n`,
  ].join("");

function tableOf(found: PolicyValue, unanswered: number): string {
  return [
    head,
    line("as logged", found.logged),
    line("IPS", found.ips),
    line("SNIPS", found.snips),
    line("DR", found.dr),
    `${found.decisions} decisions, ${unanswered} without a reward left out; `,
    `effective sample size ${found.effectiveSampleSize.toFixed(1)}, largest weight ${found.largestWeight.toFixed(2)}\n`,
  ].join("");
}
