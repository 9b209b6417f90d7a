/** The figures of a report: as many as it takes to keep them readable. */

import { drawnOver, taskOf } from "../settings/config.ts";
import { type Group, type ReportOptions, type Section, titled, unfinishedIn } from "./content.ts";
import { type Figure, learningCurves, MOST_GROUPS, MOST_METHODS } from "./figure.ts";
import { chunks } from "./lists.ts";
import { taskTitle } from "./methods.ts";

/** A figure and the file that it goes into. */
export interface ReportFigure {
  file: string;
  /** The file of its Vega-Lite spec. */
  specFile: string;
  figure: Figure;
  /** What it shows, for who cannot see it. */
  alt: string;
}

/** The figures of each section. */
export async function drawFigures(
  sections: readonly Section[],
  options: ReportOptions,
): Promise<Map<Section, ReportFigure[]>> {
  const plans = sections.flatMap((section) => partsOf(section).map((part) => ({ section, part })));
  const figures = new Map<Section, ReportFigure[]>(sections.map((section) => [section, []]));
  for (const [i, { section, part }] of plans.entries()) {
    const own = plans.filter((plan) => plan.section === section);
    const number =
      own.length > 1 ? ` (${own.findIndex((plan) => plan.part === part) + 1} of ${own.length})` : "";
    const title = sections.length > 1 ? taskTitle(section.task) : options.title;
    const name = plans.length === 1 ? "figure" : `figure-${i + 1}`;
    const methods = section.methods.filter((method) => part.some((group) => group.method === method));
    figures.get(section)!.push({
      file: `${name}.svg`,
      specFile: `${name}.vl.json`,
      figure: await draw(part, methods, section, {
        ...options,
        title: titled(title, options.scaledDown, unfinishedIn(section.groups)) + number,
      }),
      alt: `Learning curves of ${methods.join("; ")}`,
    });
  }
  return figures;
}

/** What one figure has room for. */
function partsOf({ panels, methods, groups }: Section): Group[][] {
  const drawn = groups.filter(({ shown }) => shown.length > 0);
  const columns = panels.filter((panel) => drawn.some((group) => group.panel === panel));
  return chunks(columns, MOST_GROUPS).flatMap((some) => {
    const own = drawn.filter(({ panel }) => some.includes(panel));
    const present = methods.filter((name) => own.some(({ method }) => method === name));
    return chunks(present, MOST_METHODS).map((few) => own.filter(({ method }) => few.includes(method)));
  });
}

function draw(
  groups: readonly Group[],
  methods: readonly string[],
  { task, panels }: Section,
  { title, subtitle, bands = "interval" }: ReportOptions,
): Promise<Figure> {
  const { scaledBy } = taskOf({ task });
  const curves = methods.flatMap((label) =>
    groups
      .filter(({ method }) => method === label)
      .flatMap(({ panel: group, shown }) =>
        shown.map(({ config, records }) => ({
          label,
          records,
          ...(group !== undefined && { group }),
          ...(scaledBy !== undefined && { scale: String(config[scaledBy]) }),
        })),
      ),
  );
  return learningCurves(curves, {
    title,
    ...(subtitle !== undefined && { subtitle }),
    bands,
    groups: panels.map((panel) => panel ?? ""),
    along: drawnOver(groups[0].runs[0].config),
  });
}
