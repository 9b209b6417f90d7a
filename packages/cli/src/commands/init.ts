/** `flipnet init`: a file to begin with, an estimator, an objective or an experiment of one's own. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Argument, type Command } from "commander";
import { InputError } from "flipnet/internal/formats/errors";

const templates = { estimator: ".mjs", objective: ".mjs", experiment: ".yaml" } as const;
type Template = keyof typeof templates;

const folder = fileURLToPath(new URL("../../templates/", import.meta.url));

export function defineInit(program: Command): void {
  program
    .command("init")
    .description(
      "write a file to begin with, that runs as it is: an estimator, an objective or an experiment",
    )
    .addArgument(new Argument("<what>", "what it is of").choices(Object.keys(templates)))
    .argument("[file]", "where to (default: WHAT.mjs, or experiment.yaml)")
    .option("--force", "replace a file that is there")
    .action(init);
}

async function init(what: Template, path: string | undefined, { force }: { force?: boolean }): Promise<void> {
  const { checkPlace, writeOutputs } = await import("../running/places.ts");
  const ending = templates[what];
  const name = path ?? `${what}${ending}`;
  if (extname(name) !== ending) {
    throw new InputError(`the file is ${name}; expected a name that ends with ${ending}`);
  }
  await checkPlace({ path: name, mark: undefined }, force);
  const content = await readFile(`${folder}${what}${ending}`, "utf8");
  await writeOutputs([{ path: name, content }]);
  process.stdout.write(`${name}\n`);
}
