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
      const { colorsFor, formatTable } = await import("./terminal.ts");
      const { bold } = colorsFor(process.stdout);
      const rows = estimators.map(({ name, paper, unbiased, needs, cost }) => [
        name,
        paper,
        unbiased ? "unbiased" : "biased",
        describeNeeds(needs),
        cost,
      ]);
      const [head, ...lines] = formatTable([["name", "paper", "bias", "needs", "cost"], ...rows]).split("\n");
      process.stdout.write([bold(head), ...lines].join("\n"));
      process.stdout.write("\n");
      for (const { name, unbiased, why, takes } of estimators) {
        const options = Object.entries(takes).map(([key, { says, expected, default: usual }]) => {
          const otherwise = usual === undefined ? "" : `; default ${usual}`;
          return `\n    ${key}: ${says} (${expected}${otherwise})`;
        });
        const taken = options.join("");
        process.stdout.write(`${bold(name)} is ${unbiased ? "unbiased" : "biased"}: ${why}.${taken}\n`);
      }
    });
}
