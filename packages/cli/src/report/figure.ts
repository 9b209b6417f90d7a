/** Figures: Vega-Lite specs, and the SVG that they become without a browser. */

import { InputError } from "flipnet/internal/formats/errors";
import type { TaskCurve } from "flipnet/internal/tasks/definition";
import { tasks } from "flipnet/internal/tasks/registry";
import type { EpochRecord } from "flipnet/internal/training/training";
import type { TopLevelSpec } from "vega-lite";
import {
  BAND,
  COLOURS,
  CONFIG,
  DOTTED,
  FIGURE_WIDTH,
  INK,
  MARKER,
  QUIET,
  renderSvg,
  SHAPES,
  SOLID,
  write,
} from "./figure-style.ts";
import { distinct, groupBy, largest } from "./lists.ts";
import { type Average, average, type Bands, formatAverage } from "./statistics.ts";
import { cutTo, textWidth, wrappedTo } from "./text-width.ts";

/** One run. Runs with the same label and group are seeds of one method: they become a mean and a band. */
export interface Curve {
  /** The method's name. */
  label: string;
  /** What stands beside what: each group is a column of its own ("1 hidden layer", "2 hidden layers", ...). */
  group?: string;
  /** Groups of one scale share an axis; default: all of them. */
  scale?: string;
  records: readonly EpochRecord[];
}

/** What stands around the curves. */
export interface FigureOptions {
  title: string;
  subtitle?: string;
  /** Default `"interval"`. */
  bands?: Bands;
  /** The order of the columns; default: as they come. */
  groups?: readonly string[];
  /** What the curves run along: `"epoch"`, the default, `"step"`, or a metric that counts up. */
  along?: string;
}

export interface Figure {
  /** A complete SVG document, {@link FIGURE_WIDTH} pixels wide, on white. */
  svg: string;
  /** The Vega-Lite spec, data included. */
  spec: TopLevelSpec;
}

/** What is drawn: a metric of a method after so many epochs and steps. Over several seeds, the mean and its band. */
export interface Point {
  group: string;
  method: string;
  metric: string;
  epoch: number;
  step: number;
  value: number;
  low: number;
  high: number;
  seeds: number;
  /** Where it lies along a metric; `epoch` and `step` are then the first run's. */
  [along: string]: number | string;
}

/** Methods that one figure can show: it has no more colours. */
export const MOST_METHODS = COLOURS.length;
/** Points of a line: more than its panel has pixels would only make the file long. */
const MOST_POINTS = 250;
/** Groups that fit beside each other. */
export const MOST_GROUPS = 3;

/** One quantity over the epochs or steps: a row of the figure, or one panel of it where there is only one group. */
type Quantity = TaskCurve;

/** What every task's runs have. */
const variance: Quantity = {
  // Not "ln", which reads as "In" where both letters are a bar.
  title: "log gradient variance (nats)",
  solid: "logGradientVariance",
  domain: (points) => [Math.floor(lowest(points)), Math.floor(highest(points)) + 1],
  axis: "~g",
  digits: 2,
};

/** All that is drawn where there is such, a row each. */
const QUANTITIES: readonly Quantity[] = [
  ...new Map(
    [...tasks.flatMap(({ curves }) => curves), variance].map((curve) => [curve.solid, curve]),
  ).values(),
];

// Of the means: the band of two seeds can be wider than all there is to see.
const lowest = (points: readonly { value: number }[]) => -largest(points.map(({ value }) => -value));
const highest = (points: readonly { value: number }[]) => largest(points.map(({ value }) => value));

/** One plot of the figure. */
interface Panel {
  quantity: Quantity;
  group: string;
  /** The groups that share its axis. */
  alike: readonly string[];
  /** The group's place among all. */
  column: number;
  heading?: string | undefined;
  /** What stands at its left: nothing where the panel shares its neighbour's axis. */
  axis: "labels" | "title and labels" | "none";
  /** Whether the epochs are written below it. */
  lowest: boolean;
}

/** What all panels share. */
interface Frame {
  points: readonly Point[];
  methods: readonly string[];
  along: string;
  bands: Bands;
  width: number;
  height: number;
  /** Right of each panel, for what stands beside its lines. */
  right: number;
  beside: Beside;
}

/** What stands beside the lines; a figure without the names there has a key for them. */
type Beside = "names and values" | "values and bands" | "values";

/**
 * Learning curves as in Figures 1 and 3 of the HNCA paper and Figure 1 of the Weight Maximization paper: accuracy (test
 * solid, online dotted), reward, evidence lower bound and the natural logarithm of the gradient variance, of these what
 * the runs have, with the final values beside the lines. One group has its panels side by side; of several, each is a
 * column. Where a method has several runs, a line is their mean, with a band around it, as far as all of them have come.
 *
 * At most {@link MOST_METHODS} methods and {@link MOST_GROUPS} groups can be read.
 *
 * @throws InputError where there is nothing to draw: no run has an epoch
 */
export async function learningCurves(
  curves: readonly Curve[],
  { title, subtitle, bands = "interval", groups: order = [], along = "epoch" }: FigureOptions,
): Promise<Figure> {
  const all = averageOverSeeds(curves, bands, along);
  const byLine = groupBy(all, ({ group, method, metric }) => JSON.stringify([group, method, metric]));
  const points = [...byLine.values()].flatMap((line) => someOf(line, MOST_POINTS));
  if (points.length === 0) throw new InputError("there is no epoch to draw yet");
  const quantities = QUANTITIES.filter(({ solid }) => points.some(({ metric }) => metric === solid));
  const groups = distinct(points.map(({ group }) => group));
  groups.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const labels = distinct(curves.map(({ label }) => label));
  const methods = labels.filter((label) => points.some(({ method }) => method === label));

  const grid = groups.length > 1;
  const scaleOf = (name: string) => curves.find(({ group = "" }) => group === name)?.scale;
  const alike = groups.map((group) => groups.filter((other) => scaleOf(other) === scaleOf(group)));
  const apart = alike[0].length < groups.length;
  const panels: Panel[][] = grid
    ? quantities.map((quantity, row) =>
        groups.map((group, column) => ({
          quantity,
          group,
          alike: alike[column],
          column,
          heading: row === 0 ? group : undefined,
          axis: column === 0 ? "title and labels" : apart ? "labels" : "none",
          lowest: row === quantities.length - 1,
        })),
      )
    : [
        quantities.map((quantity) => ({
          quantity,
          group: groups[0],
          alike: groups,
          column: 0,
          heading: quantity.title,
          axis: "labels",
          lowest: true,
        })),
      ];

  // Left of a panel is room for its axis, right of it for what stands beside the lines.
  const columns = panels[0].length;
  const left = grid ? 70 : 50;
  const gap = grid ? (apart ? 40 : 0) : left;
  const widthBeside = (right: number) => {
    const between = right + gap;
    return Math.floor((FIGURE_WIDTH - left - right - (columns - 1) * between) / columns);
  };
  const roomFor = (beside: Beside) => {
    const finals = panels.flat().flatMap((panel) => finalsOf(panel, { points, methods, bands, beside }));
    const [weight, before] =
      beside === "names and values" ? (["plain", 12] as const) : (["bold", 23] as const);
    const names = beside === "names and values" ? methods : [];
    return Math.ceil(
      before +
        GAP +
        Math.max(
          ...finals.map(({ final }) => textWidth(final, SIZE, weight)),
          ...names.map((name) => textWidth(name, SIZE, "bold")),
        ),
    );
  };
  const fits = (beside: Beside) => widthBeside(roomFor(beside)) >= 160;
  const named = !grid && methods.length <= 6 && fits("names and values");
  const beside = named
    ? "names and values"
    : !grid && fits("values and bands")
      ? "values and bands"
      : "values";
  const right = roomFor(beside);
  const width = widthBeside(right);
  const height = grid ? 170 : 240;
  const frame: Frame = { points, methods, along, bands, width, height, right, beside };

  const room = FIGURE_WIDTH - left - GAP;
  const lines = [subtitle ?? [], meaning(points, bands)]
    .flat()
    .flatMap((line) => wrappedTo(room, line, SIZE));
  const dotted = quantities.flatMap(({ names }) => names ?? []);
  const above = header(wrappedTo(room, title, TITLE_SIZE, "bold"), lines, named ? [] : methods, dotted, room);
  const concat = panels.flat().map((panel) => plot(panel, frame));
  concat[0].layer.push(...above.layers);
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    description: title,
    data: { values: points.map((point) => placed(point, groups, methods)) },
    concat,
    columns,
    bounds: "flush",
    spacing: { row: ROWS_APART, column: right + gap },
    config: CONFIG,
  } as unknown as TopLevelSpec;
  const axis = 44;
  const total = above.height + panels.length * height + (panels.length - 1) * ROWS_APART + axis;
  return { svg: await renderSvg(spec, { title, height: total, left, top: above.height }), spec };
}

/** What lines and bands are. */
function meaning(points: readonly Point[], bands: Bands): string {
  const seeds = largest(points.map((point) => point.seeds));
  if (seeds === 1) return "One seed each: there are no bands.";
  const count = points.some((point) => point.seeds < seeds) ? `up to ${seeds}` : String(seeds);
  const around = {
    interval: "their 95 % confidence intervals (Student’s t)",
    deviation: "the standard deviation over these",
    range: "how far these lie apart",
  };
  return `Lines are means over ${count} seeds, bands ${around[bands]}.`;
}

/** The mean over the runs of a method wherever all of them have a record. */
export function averageOverSeeds(
  curves: readonly Curve[],
  bands: Bands = "interval",
  along = "epoch",
): Point[] {
  const counted = along !== "epoch" && along !== "step";
  const place = counted ? along : "step";
  const metrics = QUANTITIES.flatMap(({ solid, dotted }) => (dotted ? [solid, dotted] : [solid]));
  return distinct(curves.map(({ group = "" }) => group)).flatMap((group) =>
    distinct(curves.map(({ label }) => label)).flatMap((method) => {
      const runs = curves
        .filter((curve) => curve.label === method && (curve.group ?? "") === group)
        .map(({ records }) => records);
      const [first, ...others] = (counted ? meet(runs, along) : runs).map(
        (records) => new Map(records.map((record) => [record[place], record])),
      );
      return metrics.flatMap((metric) =>
        [...(first ?? [])].flatMap(([at, { epoch, step, [metric]: own }]) => {
          const values = [own, ...others.map((records) => records.get(at)?.[metric])];
          if (!values.every((value) => typeof value === "number")) return [];
          const { mean: value, low, high, count: seeds } = average(values, bands);
          return [
            {
              group,
              method,
              metric,
              epoch,
              step,
              ...(counted && { [along]: at as number }),
              value,
              low,
              high,
              seeds,
            },
          ];
        }),
      );
    }),
  );
}

/**
 * Records of runs that count at paces of their own, at places that all have come to: a record holds from the one before on. Runs
 * that count alike have theirs.
 */
function meet(runs: readonly (readonly EpochRecord[])[], along: string): EpochRecord[][] {
  const counts = runs.map((records) => records.map(({ [along]: count }) => count));
  if (counts.every((one) => String(one) === String(counts[0]))) return runs.map((records) => [...records]);
  const furthest = Math.min(...runs.map((records) => Number(records.at(-1)?.[along] ?? 0)));
  const places = Array.from({ length: MOST_POINTS }, (_, i) => Math.ceil((furthest * (i + 1)) / MOST_POINTS));
  return runs.map((records) =>
    distinct(places.filter((place) => place > 0)).map((place) => ({
      ...records.find(({ [along]: count }) => Number(count) >= place)!,
      [along]: place,
    })),
  );
}

function plot(panel: Panel, frame: Frame): { layer: object[] } {
  const { quantity, group, column, alike, heading, axis, lowest } = panel;
  const { methods, along, width, height, right } = frame;
  const { solid, dotted } = quantity;
  const drawn = frame.points.filter(({ metric }) => metric === solid || metric === dotted);
  // What is alike in a row shares an axis, and columns how far they go.
  const domain = quantity.domain(drawn.filter((point) => alike.includes(point.group)));
  const furthest = largest(
    frame.points.filter((point) => point.group === group).map((p) => Number(p[along])),
  );
  const points = drawn.filter((point) => point.group === group);
  const solids = points.filter(({ metric }) => metric === solid);
  const y = {
    field: "value",
    type: "quantitative",
    scale: { domain, nice: false },
    axis: {
      title: axis === "title and labels" ? quantity.title : null,
      titleX: -54,
      labels: axis !== "none",
      labelExpr:
        quantity.axis === "percent"
          ? "format(100 * datum.value, 'd') + ' %'"
          : `format(datum.value, '${quantity.axis}')`,
      tickCount: 5,
    },
  };
  const encoding = {
    x: {
      field: along,
      type: "quantitative",
      scale: { domain: [0, furthest], nice: false },
      axis: {
        title: lowest ? (along === "step" ? "steps" : along) : null,
        labels: lowest,
        tickMinStep: 1,
        tickCount: 4,
        labelExpr: along === "epoch" ? "format(datum.value, 'd')" : "format(datum.value, '~s')",
      },
    },
    y,
    color: byMethod(methods, COLOURS),
  };
  const band = { y: { ...y, field: "low" }, y2: { field: "high" } };
  const shape = byMethod(methods, SHAPES);
  const of = (metric: string, layer: object) => ({
    transform: [{ filter: { and: [equal("column", column), equal("metric", metric)] } }],
    ...layer,
  });
  const clip = points.some(({ value }) => value < domain[0]);
  const marked = methods
    .flatMap((name) =>
      someOf(
        solids.filter(({ method }) => method === name),
        10,
      ),
    )
    .filter(({ value }) => value >= domain[0])
    .map((point) => placed(point, [group], methods));
  const lines = [
    ...(points.some(({ seeds }) => seeds > 1) ? [of(solid, { mark: BAND, encoding: band })] : []),
    ...(dotted === undefined ? [] : [of(dotted, { mark: { type: "line", ...DOTTED } })]),
    of(solid, { mark: { type: "line", clip, ...SOLID } }),
    { data: { values: marked }, mark: MARKER, encoding: { shape } },
    ...finalValues(finalsOf(panel, frame), domain, frame),
  ];
  const texts = [
    ...(clip ? [write(below(width - 6), height - 8, { color: QUIET, fontSize: 10, dx: 6 })] : []),
    ...(heading === undefined
      ? []
      : [write(cutTo(width + right - GAP, heading, SIZE, "bold"), -16, { fontWeight: 600 })]),
    ...(solids.length > 0 ? [] : [write("not measured", height / 2, { color: QUIET, dx: 12 })]),
  ];
  return { width, height, layer: [{ encoding, layer: lines }, ...texts] } as { layer: object[] };
}

/**
 * A point with the places of its group and its method among all: by these Vega tells them apart. Names are somebody's
 * own, and Vega takes those that every object has, such as `valueOf`, for something else.
 */
const placed = (point: Point, groups: readonly string[], methods: readonly string[]) => ({
  ...point,
  column: groups.indexOf(point.group),
  line: methods.indexOf(point.method),
});

/** A colour or a shape for each method. */
const byMethod = (methods: readonly string[], range: readonly string[]) => ({
  ...{ field: "line", type: "nominal", legend: null },
  scale: { domain: methods.map((_, i) => i), range },
});

/** At most so many points of a line, evenly from its end back. */
function someOf(points: readonly Point[], most: number): readonly Point[] {
  const every = Math.ceil(points.length / most);
  return points.filter((_, i) => (points.length - 1 - i) % every === 0);
}

/** The last value of a line, as it is and as it is written. */
interface Final {
  method: string;
  value: number;
  final: string;
}

/** The last values of a panel's lines. */
function finalsOf(
  { quantity: { solid, axis, digits }, group }: Panel,
  { points, methods, bands, beside }: Pick<Frame, "points" | "methods" | "bands" | "beside">,
): Final[] {
  const [format, unit] = axis === "percent" ? [{ scale: 100, digits }, " %"] : [{ digits }, ""];
  return methods.flatMap((method) => {
    const last = points.findLast(
      (point) => point.metric === solid && point.group === group && point.method === method,
    );
    if (last === undefined) return [];
    const { value, low, high, seeds } = last;
    // Where space is short, the band alone has to show the error.
    const mean: Average = { mean: value, low, high, count: beside === "values" ? 1 : seeds };
    return [{ method, value, final: `${formatAverage(mean, bands, format)}${unit}` }];
  });
}

/** The last values, right of the panel: with the method's name, or its marker where a key has the names. */
function finalValues(
  finals: readonly Final[],
  domain: [number, number],
  { methods, width, height, beside }: Frame,
): object[] {
  const unitsPerPixel = (domain[1] - domain[0]) / height;
  const isNamed = beside === "names and values";
  const places = spread(
    finals.map(({ value }) => value),
    (isNamed ? 34 : 16) * unitsPerPixel,
    domain,
  );
  const [low, high] = domain;
  const values = finals.map((final, i) => ({
    ...final,
    // Where the line leaves the panel.
    value: Math.min(Math.max(final.value, low), high),
    beside: places[i],
    line: methods.indexOf(final.method),
  }));
  // What is written elsewhere than it belongs is led there by a line.
  const moved = {
    data: { values: values.filter(({ value, beside }) => Math.abs(value - beside) > 3 * unitsPerPixel) },
    mark: { type: "rule", color: QUIET, strokeWidth: 0.75 },
    encoding: {
      ...{ x: { value: width + 1 }, x2: { value: width + 9 } },
      ...{ y: { field: "value", type: "quantitative" }, y2: { field: "beside" }, color: { value: QUIET } },
    },
  };
  const y = { field: "beside", type: "quantitative" };
  const text = (field: string, dx: number, dy: number, style: object) => ({
    data: { values },
    mark: { type: "text", align: "left", dx, dy, ...style },
    encoding: { x: { value: width }, y, text: { field }, color: { value: INK } },
  });
  if (isNamed) return [moved, text("method", 12, -7, { fontWeight: 600 }), text("final", 12, 8, {})];
  const shape = byMethod(methods, SHAPES);
  const markers = { data: { values }, mark: MARKER, encoding: { x: { value: width + 15 }, y, shape } };
  return [moved, markers, text("final", 23, 1, { fontWeight: 600 })];
}

/** The values, moved apart as little as keeps them in order, `gap` from each other and within the domain. */
export function spread(values: readonly number[], gap: number, [low, high]: [number, number]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
  const placed = [...values];
  order.forEach((i, rank) => {
    const below = rank === 0 ? low : placed[order[rank - 1]] + gap;
    placed[i] = Math.max(placed[i], below);
  });
  order.reverse().forEach((i, rank) => {
    const above = rank === 0 ? high : placed[order[rank - 1]] - gap;
    placed[i] = Math.min(placed[i], above);
  });
  return placed;
}

/**
 * Title, subtitle and what the lines mean; with `methods`, also which is whose. These are layers of the first panel,
 * drawn above it: a view of their own would take part in the layout of the panels.
 */
function header(
  title: readonly string[],
  subtitle: readonly string[],
  methods: readonly string[],
  quantities: readonly { solid: string; dotted: string }[],
  room: number,
): { layers: object[]; height: number } {
  interface Key {
    name: string;
    colour: string;
    shape: string | null;
    dotted: boolean;
    row: number;
    from: number;
    middle: number;
    to: number;
    text: number;
  }
  const keyOf = (name: string, colour: string, shape: string | null, dotted: boolean): Key => {
    const written = cutTo(room - 32, name, SIZE);
    const end = x + 32 + textWidth(written, SIZE);
    if (x > 0 && end > room) {
      [x, row] = [0, row + 1];
      return keyOf(name, colour, shape, dotted);
    }
    const item = {
      name: written,
      colour,
      shape,
      dotted,
      row,
      from: x,
      middle: x + 13,
      to: x + 26,
      text: x + 32,
    };
    x = end + 20;
    return item;
  };
  let [x, row] = [0, 0];
  const items = [
    ...methods.map((name, i) => keyOf(name, COLOURS[i], SHAPES[i], false)),
    ...quantities.flatMap(({ solid, dotted }) => [
      keyOf(solid, QUIET, null, false),
      keyOf(dotted, QUIET, null, true),
    ]),
  ].map((item) => ({ ...item, y: -46 - 20 * (row - item.row) }));
  const height = (items.length > 0 ? 82 : 54) + 20 * (row + title.length) + 17 * subtitle.length;
  const pixel = (field: string) => ({ field, type: "quantitative", scale: null, axis: null });
  const literal = (field: string) => ({ field, type: "nominal", scale: null });
  const line = { x: pixel("from"), x2: { field: "to" }, color: literal("colour") };
  const keys = [
    {
      transform: [{ filter: "!datum.dotted" }],
      mark: { type: "rule", ...SOLID },
      encoding: line,
    },
    {
      transform: [{ filter: "datum.dotted" }],
      mark: { type: "rule", ...DOTTED },
      encoding: line,
    },
    {
      transform: [{ filter: "datum.shape" }],
      mark: MARKER,
      encoding: { x: pixel("middle"), shape: literal("shape"), color: literal("colour") },
    },
    {
      mark: { type: "text", align: "left", color: INK },
      encoding: { x: pixel("text"), text: { field: "name" } },
    },
  ].map((layer) => ({
    ...layer,
    data: { values: items },
    encoding: { ...layer.encoding, y: pixel("y") },
  }));
  const layers = [
    ...title.map((text, i) => write(text, 26 + 20 * i - height, { fontSize: TITLE_SIZE, fontWeight: 600 })),
    ...subtitle.map((text, i) => write(text, 29 + 20 * title.length + 17 * i - height, { color: QUIET })),
    ...(items.length > 0 ? keys : []),
  ];
  return { layers, height };
}

/** What is said where lines begin below their panel, as long as there is room for. */
const below = (room: number) =>
  ["it begins below what is shown", "begins below"].find((text) => textWidth(text, 10) <= room) ?? "";

const equal = (field: string, value: string | number) => ({ field, equal: value });

const ROWS_APART = 24;
/** Pixels: of the type, and what has to be free right of a text. */
const [SIZE, TITLE_SIZE, GAP] = [12, 16, 6];
