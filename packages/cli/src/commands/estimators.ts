/** `flipnet estimators`: the registry. */
import type { Command } from "commander";

export function defineEstimators(program: Command): void {
  program
    .command("estimators")
    .description("list the estimators: where each comes from, whether it is biased, what it needs and costs")
    .option("--json", "print JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const { estimators } = await import("flipnet/internal/estimators/registry");
      const { describeNeeds } = await import("flipnet/internal/estimators/needs");
      if (json) {
        const plain = estimators.map(
          ({ name, title, paper, unbiased, why, needs, baseline, cost, options, variants }) => ({
            ...{
              name,
              title,
              paper,
              unbiased,
              why,
              needs: describeNeeds(needs),
              baseline,
              cost,
              options,
              variants,
            },
          }),
        );
        process.stdout.write(`${JSON.stringify(plain, undefined, 2)}\n`);
        return;
      }
      const { colorsFor, formatTable, wrapped } = await import("./terminal.ts");
      const { bold } = colorsFor(process.stdout);
      const rows = estimators.map(({ name, title, unbiased }) => [
        name,
        title,
        unbiased ? "unbiased" : "biased",
      ]);
      const [head, ...lines] = formatTable([["name", "title", "bias"], ...rows]).split("\n");
      process.stdout.write([bold(head), ...lines].join("\n"));
      // What is long stands below, wrapped to what a terminal or a page has.
      const columns = Math.min(process.stdout.columns || 100, 100);
      const say = (text: string, indent: number) => {
        const space = " ".repeat(indent);
        for (const line of wrapped(text, columns - indent)) process.stdout.write(`${space}${line}\n`);
      };
      for (const { name, unbiased, why, paper, needs, cost, takes } of estimators) {
        process.stdout.write(`\n${bold(name)}\n`);
        say(`${unbiased ? "unbiased" : "biased"}: ${why}`, 2);
        say(`paper: ${paper}`, 2);
        say(`needs: ${describeNeeds(needs)}`, 2);
        say(`costs: ${cost}`, 2);
        for (const [key, { says, expected, default: usual }] of Object.entries(takes)) {
          const otherwise = usual === undefined ? "" : `; default ${usual}`;
          say(`${key}: ${says} (${expected}${otherwise})`, 4);
        }
      }
    });
}
