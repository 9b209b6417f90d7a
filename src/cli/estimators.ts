/** `flipnet estimators`: the registry. */
import type { Command } from "commander";

export function defineEstimators(program: Command): void {
  program
    .command("estimators")
    .description("list the estimators: where each comes from, whether it is biased, what it needs and costs")
    .option("--json", "print JSON")
    .action(async ({ json }: { json?: boolean }) => {
      const { estimators } = await import("../estimators/registry.ts");
      if (json) {
        const plain = estimators.map(({ prepare, ...entry }) => entry);
        process.stdout.write(`${JSON.stringify(plain, undefined, 2)}\n`);
        return;
      }
      const { colorsFor, formatTable } = await import("./terminal.ts");
      const { bold } = colorsFor(process.stdout);
      const rows = estimators.map(({ name, tasks, paper, unbiased, needs, cost }) => [
        name,
        tasks.join(", "),
        paper,
        unbiased ? "unbiased" : "biased",
        needs,
        cost,
      ]);
      const [head, ...lines] = formatTable([
        ["name", "tasks", "paper", "bias", "needs", "cost"],
        ...rows,
      ]).split("\n");
      process.stdout.write([bold(head), ...lines].join("\n"));
      process.stdout.write("\n");
      for (const { name, unbiased, why, options } of estimators) {
        const taken = options === undefined ? "" : ` Options: ${options.join(", ")}.`;
        process.stdout.write(`${bold(name)} is ${unbiased ? "unbiased" : "biased"}: ${why}.${taken}\n`);
      }
    });
}
