/** The numbers of a report, for programs. */
import { type Cell, encodeCsv } from "../formats/csv.ts";
import { averageOf, differenceOf, type ReportOptions, type Section, timesOf } from "./content.ts";
import { distinct } from "./lists.ts";
import { metricsOf, trainingSeconds } from "./metrics.ts";
import { cpusOf, type Provenance } from "./provenance.ts";
import { trainCommand } from "./train-command.ts";

/** Every record of every run, a line each, six digits a number. */
export function recordsCsv(sections: readonly Section[]): string {
  const rows = sections.flatMap(({ task, groups }) =>
    groups.flatMap(({ panel = "", method, runs, again }) =>
      [...runs, ...again].flatMap(({ config: { seed }, runId, records }) =>
        records.map(({ type, ...record }) => ({ task, panel, method, seed, run: runId, ...record })),
      ),
    ),
  );
  const columns = distinct(rows.flatMap(Object.keys));
  const cellOf = (value: Cell = null) => (typeof value === "number" ? sixDigits(value) : value);
  const cells = rows.map((row: Record<string, Cell>) => columns.map((column) => cellOf(row[column])));
  return encodeCsv([columns, ...cells]);
}

/** A number for who draws it: more digits would only be longer. */
export const sixDigits = (value: number): number => Number(value.toPrecision(6));

/** The tables and the runs in full: an object a line. */
export function resultsJson(
  sections: readonly Section[],
  made: Provenance,
  { title, subtitle, scaledDown, statements, differences, commands, bands = "interval" }: ReportOptions,
): string {
  const table = sections.flatMap(({ task, along, groups }) =>
    groups.map((group) => {
      const { panel, method, shown, runs, asked, reached } = group;
      const times = timesOf(group);
      const first = groups.find((one) => one.panel === panel)!;
      const differences = Object.fromEntries(
        metricsOf(task).flatMap((metric) => {
          const difference = first === group ? undefined : differenceOf(group, first, metric, bands);
          return difference === undefined ? [] : [[metric.name, difference]];
        }),
      );
      return {
        ...{ task, panel, method, seeds: shown.length, runs: runs.length },
        ...(along === "step"
          ? { steps: reached, stepsAsked: asked }
          : { epochs: reached, epochsAsked: asked }),
        metrics: Object.fromEntries(
          metricsOf(task).map((metric) => [metric.name, averageOf(group, metric, bands)]),
        ),
        ...(Object.keys(differences).length > 0 && { lessFirst: differences }),
        ...(times && { msPerStep: times.msPerStep, trainingSeconds: Math.round(times.seconds) }),
      };
    }),
  );
  const runs = sections.flatMap(({ task, groups }) =>
    groups.flatMap(({ panel, method, runs, again }) =>
      [...runs, ...again].map((run) => ({
        ...{ task, panel, method, seed: run.config.seed, runId: run.runId, epochs: run.records.length },
        finished: run.summary !== undefined,
        starts: run.environment.starts.length,
        begun: run.environment.starts[0]?.time,
        cpus: cpusOf([run]),
        ...Object.fromEntries(metricsOf(task).map(({ name, of }) => [name, of(run)])),
        trainingSeconds: Math.round(trainingSeconds(run)),
        command: trainCommand(run.config),
      })),
    ),
  );
  const facts = {
    title,
    subtitle,
    scaledDown,
    statements,
    differences,
    commands,
    bands,
    ...made,
    table,
    runs,
  };
  return `{\n${Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${JSON.stringify(name)}: ${linesOf(value)}`)
    .join(",\n")}\n}\n`;
}

/** JSON; of a list of objects, a line each. */
function linesOf(value: unknown): string {
  const objects = Array.isArray(value) && typeof value[0] === "object";
  if (!objects) return JSON.stringify(value);
  return `[\n${value.map((one) => `    ${JSON.stringify(one)}`).join(",\n")}\n  ]`;
}
