/**
 * Reports: learning curves, a table, what the runs are and what made them, on one page that needs no network, with the
 * numbers beside it. docs/report.md describes them for users.
 */
import { join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import { runFiles, textOf } from "../running/run-folder.ts";
import { makeFolder, replaceFile, writing } from "../running/storage.ts";
import { type ReportedRun, type ReportOptions, sectionsOf } from "./content.ts";
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
  runs.forEach(checkRecords);
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
    [page, toHtml(options.title, blocks, MARK)],
  ];
  await writing(folder, makeFolder(folder));
  for (const [name, content] of files) {
    const path = join(folder, name);
    await writing(path, replaceFile(path, content));
  }
  return { page: join(folder, page) };
}

const shorter = (_: string, value: unknown) =>
  typeof value === "number" && Number.isFinite(value) ? sixDigits(value) : value;

/** @throws InputError for records that are not those of a run from its beginning, one an epoch */
function checkRecords({ folder, records }: ReportedRun): void {
  records.forEach(({ epoch, step, msPerStep }, i) => {
    if (epoch !== i + 1 || typeof step !== "number" || typeof msPerStep !== "number") {
      const { metrics } = runFiles(folder);
      throw new InputError(`${metrics} is corrupt: line ${i + 1} is not the record of epoch ${i + 1}`);
    }
  });
}

/** By this a report is known, so that nothing else is written over. */
const MARK = "a flipnet report";

/** @throws InputError for a folder with a page that is no report's */
export async function checkReportFolder(folder: string): Promise<void> {
  for (const name of ["index.html", "README.md"]) {
    const path = join(folder, name);
    const text = await textOf(path);
    if (text !== undefined && !text.slice(0, 500).includes(MARK)) {
      throw new InputError(`${path} is no report's; expected an empty folder, or one with an earlier report`);
    }
  }
}
