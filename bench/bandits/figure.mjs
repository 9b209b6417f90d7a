// The figure of the twenty worlds: what every learner earned over the last third of the visits, in per cent of what could be
// earned. `npm run build` comes first, as its looks are those of the reports.
import {
  COLOURS,
  CONFIG,
  FIGURE_WIDTH,
  INK,
  MARKER,
  renderSvg,
  SHAPES,
} from "../../packages/cli/dist/report/figure-style.js";

const [row, left, top, bottom] = [20, 236, 84, 44];
const title = "What was earned over the last third of the visits, in per cent of the best possible";

/** Not drawn: what the others are shares of, and what chooses without regard to the context. */
const undrawn = ["ideal", "Vowpal Wabbit"];

/** An SVG document. `records`: the benchmark's; means over seeds are drawn. */
export function figureOf(records) {
  const worlds = [...new Set(records.map(({ world }) => world))];
  const learners = [...new Set(records.map(({ learner }) => learner))].filter(
    (name) => !undrawn.includes(name),
  );
  const mean = (world, learner) => {
    const found = records.filter((one) => one.world === world && one.learner === learner);
    return found.reduce((sum, { last }) => sum + last, 0) / found.length;
  };
  const values = worlds
    .flatMap((world) =>
      learners.map((learner) => ({
        world,
        learner,
        share: (100 * mean(world, learner)) / mean(world, "ideal"),
      })),
    )
    .filter(({ share }) => Number.isFinite(share));
  const from = 10 * Math.floor(Math.min(...values.map(({ share }) => share)) / 10);
  const place = {
    y: { field: "world", type: "nominal", sort: worlds, axis: { title: null, grid: true, labelLimit: 400 } },
    x: {
      field: "share",
      type: "quantitative",
      scale: { domain: [from, 101], nice: false },
      axis: { title: "per cent of the best possible" },
    },
  };
  // Names stand above the panel, three a line.
  const names = learners.map((learner, i) => ({ learner, at: i % 3, line: Math.floor(i / 3) }));
  const looks = {
    color: {
      field: "learner",
      type: "nominal",
      scale: { domain: learners, range: COLOURS.slice(0, learners.length) },
      legend: null,
    },
    shape: {
      field: "learner",
      type: "nominal",
      scale: { domain: learners, range: SHAPES.slice(0, learners.length) },
      legend: null,
    },
  };
  const column = FIGURE_WIDTH / 3;
  const at = (shift) => ({ expr: `datum.at * ${column} - ${left - 12} + ${shift}` });
  const above = { expr: `datum.line * 20 - ${top - 24}` };
  const panel = { width: FIGURE_WIDTH - left - 16, height: row * worlds.length };
  const layered = {
    ...panel,
    layer: [
      { data: { values }, mark: MARKER, encoding: { ...place, ...looks } },
      {
        data: { values: names },
        mark: { ...MARKER, x: at(0), y: above, clip: false },
        encoding: looks,
      },
      {
        data: { values: names },
        mark: { type: "text", align: "left", color: INK, x: at(10), y: above, clip: false },
        encoding: { text: { field: "learner" } },
      },
    ],
  };
  const spec = { config: CONFIG, vconcat: [layered] };
  return renderSvg(spec, { title, height: top + panel.height + bottom, left, top });
}
