/**
 * Reports: learning curves, a table, what the runs are and what made them, on one page that needs no network, with the
 * numbers beside it. docs/report.md describes them for users.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { lockFolder } from "../running/lock.ts";
import { writeOutputs } from "../running/places.ts";
import { textOf } from "../running/run-folder.ts";
import { isMissing, makeFolder, writing } from "../running/storage.ts";
import { type ReportedRun, type ReportOptions, sectionsOf, titled } from "./content.ts";
import { toHtml, toMarkdown } from "./document.ts";
import { drawFigures } from "./figures.ts";
import { recordsCsv, resultsJson, sixDigits } from "./numbers.ts";
import { pageOf } from "./page.ts";
import { provenanceOf } from "./provenance.ts";

export { type ReportedRun, type ReportOptions, untilEpoch } from "./content.ts";

/**
 * Writes a report: `index.html`; `README.md` with the same content; the figures as SVG, their Vega-Lite specs beside
 * them; `records.csv`, every record of every run; and `results.json`, the numbers in full.
 *
 * @returns the path of `index.html`
 * @throws InputError where there is nothing to show, records are damaged, or the folder cannot be written
 */
export async function writeReport(
  folder: string,
  runs: readonly ReportedRun[],
  options: ReportOptions,
): Promise<{ page: string }> {
  if (!runs.some(({ records }) => records.length > 0)) {
    throw new InputError("there is nothing to report yet: no run has finished an epoch");
  }
  const sections = sectionsOf(runs, options.panels);
  const figures = await drawFigures(sections, options);
  const made = await provenanceOf(runs);
  const blocks = pageOf(sections, figures, made, options);

  const page = "index.html";
  const files: [name: string, content: string][] = [
    ...[...figures.values()].flat().flatMap(({ file, specFile, figure }): [string, string][] => [
      [file, figure.svg],
      [specFile, `${JSON.stringify(figure.spec, shorter)}\n`],
    ]),
    ["records.csv", recordsCsv(sections)],
    ["results.json", resultsJson(sections, made, options)],
    ["README.md", `<!-- ${MARK} -->\n\n${toMarkdown(blocks)}`],
    // Where the page is, the rest is.
    [page, toHtml(titled(options.title, options.scaledDown), blocks, MARK, options.refresh)],
  ];
  await writing(folder, makeFolder(folder));
  // The files belong together.
  const lock = await lockFolder(folder, "this report");
  try {
    await writeOutputs(files.map(([name, content]) => ({ path: join(folder, name), content })));
  } finally {
    await lock.release();
  }
  return { page: join(folder, page) };
}

const shorter = (_: string, value: unknown) =>
  typeof value === "number" && Number.isFinite(value) ? sixDigits(value) : value;

/** By this a report is known, so that nothing else is written over. */
const MARK = "a flipnet report";

/** The names that a report's files have. */
const isReportsName = (name: string) =>
  /^(index\.html|README\.md|records\.csv|results\.json|figure(-\d+)?\.(svg|vl\.json))$/.test(name);

/**
 * Looks whether a report may be written into a folder: one in which no file has such a name, or an earlier report is.
 *
 * @throws InputError where that would replace what is no report's, unless `force` is set
 */
export async function checkReportFolder(folder: string, force = false): Promise<void> {
  if (force) return;
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (isMissing(cause)) return [];
    throw new InputError(`${folder} cannot be read (${cause.code})`, { cause });
  });
  const pages = names.filter((name) => ["index.html", "README.md"].includes(name));
  const texts = await Promise.all(pages.map((name) => textOf(join(folder, name))));
  const isMarked = texts.map((text) => text?.slice(0, 500).includes(MARK));
  const foreign =
    pages.find((_, i) => !isMarked[i]) ?? (pages.length > 0 ? undefined : names.find(isReportsName));
  if (foreign === undefined) return;
  throw new InputError(
    `${join(folder, foreign)} is no report's; expected a folder without such a file, one with an earlier report, or --force to replace it`,
  );
}
