/** Figures: Vega-Lite specs, and the SVG that they become without a browser. */
import type { TopLevelSpec } from "vega-lite";
import { InputError } from "../formats/errors.ts";
import type { EpochRecord } from "../training/training.ts";
import { type Estimate, estimateMean, formatEstimate } from "./statistics.ts";

/** One run. Runs with the same label and group are seeds of one method: they become a mean and a band. */
export interface Curve {
  /** The method's name. */
  label: string;
  /** What stands beside what: each group is a column of its own ("1 hidden layer", "2 hidden layers", ...). */
  group?: string;
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
}

export interface Figure {
  /** A complete SVG document, {@link FIGURE_WIDTH} pixels wide, on white. */
  svg: string;
  /** The Vega-Lite spec, data included. */
  spec: TopLevelSpec;
}

/**
 * What is drawn around the mean of several seeds: its 95 % confidence interval by Student's t, or, of too few seeds to
 * say, how far they lie apart.
 */
export type Bands = "interval" | "range";

/** What is drawn: a metric of a method at one epoch. Over several seeds, the mean and its band. */
export interface Point {
  group: string;
  method: string;
  metric: string;
  epoch: number;
  value: number;
  low: number;
  high: number;
  seeds: number;
}

/** As wide as GitHub shows a README. */
export const FIGURE_WIDTH = 760;

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
export const INK = "#1f2328";
export const QUIET = "#59636e";
const RULE = "#b5bcc4";
const FAINT = "#e4e8ec";

// Okabe and Ito's colours, which colour-blind readers can tell apart; each method has a marker of its own as well.
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
const SHAPES = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right"];

/** One quantity over the epochs: a row of the figure, or one panel of it where there is only one group. */
interface Quantity {
  title: string;
  /** The metric that is drawn solid, with band and final value. */
  solid: string;
  /** The metric that is drawn dotted beside it. */
  dotted?: string;
  /** What the key calls the two. */
  names?: { solid: string; dotted: string };
  domain: (points: readonly Point[]) => [number, number];
  /** A Vega expression of `datum.value`. */
  axisLabel: string;
  finalValue: (value: Estimate) => string;
}

const QUANTITIES: readonly Quantity[] = [
  {
    title: "Accuracy",
    solid: "testAccuracy",
    dotted: "onlineAccuracy",
    names: { solid: "test accuracy", dotted: "online accuracy" },
    domain: () => [0, 1],
    axisLabel: "format(100 * datum.value, 'd') + ' %'",
    finalValue: (value) => `${formatEstimate(value, { scale: 100, digits: 1 })} %`,
  },
  {
    title: "ELBO (nats)",
    solid: "elbo",
    domain: elboDomain,
    axisLabel: "format(datum.value, 'd')",
    finalValue: (value) => formatEstimate(value, { digits: 1 }).replace("-", "−"),
  },
  {
    title: "ln gradient variance",
    solid: "logGradientVariance",
    domain: (points) => [
      Math.floor(Math.min(...points.map(({ low }) => low))),
      Math.floor(Math.max(...points.map(({ high }) => high))) + 1,
    ],
    axisLabel: "format(datum.value, '~g')",
    finalValue: (value) => formatEstimate(value).replace("-", "−"),
  },
];

/** Where the methods end, and some of the way there: the first epochs are far below. */
function elboDomain(points: readonly Point[]): [number, number] {
  const epochs = Math.max(...points.map(({ epoch }) => epoch));
  const end = points.filter(({ epoch }) => epoch >= epochs / 2).map(({ value }) => value);
  const high = Math.max(...points.map((point) => point.high));
  const lowest = Math.min(...end);
  return [5 * Math.floor((lowest - 0.1 * (high - lowest)) / 5), 5 * Math.ceil(high / 5)];
}

/** One plot of the figure. */
interface Panel {
  quantity: Quantity;
  group: string;
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
  epochs: number;
  width: number;
  height: number;
  /** Whether the methods' names are written beside the lines. */
  names: boolean;
}

/**
 * Learning curves as in Figures 1 and 3 of the HNCA paper: accuracy (test solid, online dotted), evidence lower bound
 * and the natural logarithm of the gradient variance, of these what the runs have, with the final values beside the
 * lines. One group has its panels side by side; of several, each is a column. Where a method has several runs, a line
 * is their mean, with a band around it, over the epochs that all of them have reached.
 *
 * @throws InputError where there is nothing to draw: no run has an epoch
 */
export async function learningCurves(
  curves: readonly Curve[],
  { title, subtitle, bands = "interval", groups: order = [] }: FigureOptions,
): Promise<Figure> {
  const points = averageOverSeeds(curves, bands);
  if (points.length === 0) throw new InputError("there is no epoch to draw yet");
  const quantities = QUANTITIES.filter(({ solid }) => points.some(({ metric }) => metric === solid));
  const groups = distinct(points.map(({ group }) => group));
  groups.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const labels = distinct(curves.map(({ label }) => label));
  const methods = labels.filter((label) => points.some(({ method }) => method === label));
  const epochs = Math.max(...points.map(({ epoch }) => epoch));
  const seeds = Math.max(...points.map((point) => point.seeds));

  const grid = groups.length > 1;
  const panels: Panel[][] = grid
    ? quantities.map((quantity, row) =>
        groups.map((group, column) => ({
          quantity,
          group,
          heading: row === 0 ? group : undefined,
          axis: column === 0 ? "title and labels" : "none",
          lowest: row === quantities.length - 1,
        })),
      )
    : [
        quantities.map((quantity) => ({
          quantity,
          group: groups[0],
          heading: quantity.title,
          axis: "labels",
          lowest: true,
        })),
      ];

  // Left of a panel is room for its axis, right of it for the final values.
  const left = grid ? 70 : 50;
  const right = grid ? 62 : 14 + 8.5 * Math.max(...methods.map((name) => name.length), seeds > 1 ? 11 : 7);
  const between = right + (grid ? 0 : left);
  const columns = panels[0].length;
  const width = Math.floor((FIGURE_WIDTH - left - right - (columns - 1) * between) / columns);
  const height = grid ? 170 : 240;
  const frame = { points, methods, epochs, width, height, names: !grid };

  const lines = points.some((point) => point.seeds < seeds) ? `up to ${seeds}` : String(seeds);
  const around =
    bands === "interval" ? "their 95 % confidence intervals (Student’s t)" : "how far these lie apart";
  const caption = seeds > 1 ? [`Lines are means over ${lines} seeds, bands ${around}.`] : [];
  const dotted = quantities.flatMap(({ names }) => names ?? []);
  const above = header(title, [subtitle ?? [], caption].flat(), grid ? methods : [], dotted);
  const concat = panels.flat().map((cell) => panel(cell, frame));
  concat[0].layer.push(...above.layers);
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    description: title,
    data: { values: points },
    concat,
    columns,
    bounds: "flush",
    spacing: { row: ROWS_APART, column: between },
    config: CONFIG,
  } as unknown as TopLevelSpec;
  const below = 44;
  const total = above.height + panels.length * height + (panels.length - 1) * ROWS_APART + below;
  return { svg: await renderSvg(spec, { title, height: total, left, top: above.height }), spec };
}

/** The mean over the runs of a method at every epoch that all of them have reached. */
export function averageOverSeeds(curves: readonly Curve[], bands: Bands = "interval"): Point[] {
  const metrics = QUANTITIES.flatMap(({ solid, dotted }) => (dotted ? [solid, dotted] : [solid]));
  return distinct(curves.map(({ group = "" }) => group)).flatMap((group) =>
    distinct(curves.map(({ label }) => label)).flatMap((method) => {
      const runs = curves.filter((curve) => curve.label === method && (curve.group ?? "") === group);
      const epochs = distinct(runs.flatMap(({ records }) => records.map(({ epoch }) => epoch)));
      return metrics.flatMap((metric) =>
        epochs.flatMap((epoch) => {
          const values = runs.map(
            ({ records }) => records.find((record) => record.epoch === epoch)?.[metric],
          );
          if (!values.every((value) => typeof value === "number")) return [];
          const { mean, halfWidth } = estimateMean(values);
          const [low, high] =
            bands === "interval"
              ? [mean - halfWidth, mean + halfWidth]
              : [Math.min(...values), Math.max(...values)];
          return [{ group, method, metric, epoch, value: mean, low, high, seeds: values.length }];
        }),
      );
    }),
  );
}

function panel({ quantity, group, heading, axis, lowest }: Panel, frame: Frame): { layer: object[] } {
  const { methods, epochs, width, height } = frame;
  const { solid, dotted } = quantity;
  const points = frame.points.filter(({ metric }) => metric === solid || metric === dotted);
  const domain = quantity.domain(points);
  const y = {
    field: "value",
    type: "quantitative",
    scale: { domain, nice: false },
    axis: {
      title: axis === "title and labels" ? quantity.title : null,
      titleX: -54,
      labels: axis !== "none",
      labelExpr: quantity.axisLabel,
      tickCount: 5,
    },
  };
  const encoding = {
    x: {
      field: "epoch",
      type: "quantitative",
      scale: { domain: [0, epochs], nice: false },
      axis: { title: lowest ? "epoch" : null, labels: lowest, tickMinStep: 1, tickCount: 4, format: "d" },
    },
    y,
    color: { field: "method", scale: { domain: methods, range: COLOURS }, legend: null },
  };
  const band = { y: { ...y, field: "low" }, y2: { field: "high" } };
  const shape = { field: "method", scale: { domain: methods, range: SHAPES }, legend: null };
  const of = (metric: string, layer: object, ...filters: object[]) => ({
    transform: [{ filter: { and: [equal("group", group), equal("metric", metric), ...filters] } }],
    ...layer,
  });
  const clip = points.some(({ value }) => value < domain[0]);
  const lines = [
    ...(points.some(({ seeds }) => seeds > 1) ? [of(solid, { mark: BAND, encoding: band })] : []),
    ...(dotted === undefined ? [] : [of(dotted, { mark: { type: "line", ...DOTTED } })]),
    of(solid, { mark: { type: "line", clip, ...SOLID } }),
    of(
      solid,
      { mark: MARKER, encoding: { shape } },
      { field: "epoch", oneOf: markedEpochs(epochs) },
      { field: "value", gte: domain[0] },
    ),
    ...finalValues(
      points.filter((point) => point.group === group && point.metric === solid),
      quantity,
      domain,
      frame,
    ),
  ];
  const above = heading === undefined ? [] : [write(heading, -16, { fontWeight: 600 })];
  return { width, height, layer: [{ encoding, layer: lines }, ...above] } as { layer: object[] };
}

/** The last value of each line, and the method's name in a figure without a key for it, right of the panel. */
function finalValues(
  points: readonly Point[],
  quantity: Quantity,
  domain: [number, number],
  { methods, width, height, names }: Frame,
): object[] {
  const last = methods.flatMap((method) => points.findLast((point) => point.method === method) ?? []);
  const unitsPerPixel = (domain[1] - domain[0]) / height;
  const beside = spread(
    last.map(({ value }) => value),
    (names ? 34 : 16) * unitsPerPixel,
    domain,
  );
  const values = last.map((point, i) => ({
    method: point.method,
    // Where space is short, the band alone has to show the error.
    final: quantity.finalValue({ mean: point.value, halfWidth: names ? point.high - point.value : 0 }),
    beside: beside[i],
  }));
  const text = (field: string, dy: number, style: object) => ({
    data: { values },
    mark: { type: "text", align: "left", dx: 8, dy, ...style },
    encoding: { x: { value: width }, y: { field: "beside", type: "quantitative" }, text: { field } },
  });
  return names
    ? [text("method", -7, { fontWeight: 600 }), text("final", 8, {})]
    : [text("final", 0, { fontWeight: 600 })];
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
  title: string,
  subtitle: readonly string[],
  methods: readonly string[],
  quantities: readonly { solid: string; dotted: string }[],
): { layers: object[]; height: number } {
  const keyOf = (name: string, colour: string, shape: string | null, dotted: boolean) => {
    const width = 54 + 7 * name.length;
    if (x > 0 && x + width > FIGURE_WIDTH - 70) [x, row] = [0, row + 1];
    const item = { name, colour, shape, dotted, row, from: x, middle: x + 13, to: x + 26, text: x + 32 };
    x += width;
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
  const height = (items.length > 0 ? 102 : 74) + 20 * row + 17 * subtitle.length;
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
    write(title, 26 - height, { fontSize: 16, fontWeight: 600 }),
    ...subtitle.map((text, i) => write(text, 49 + 17 * i - height, { color: QUIET })),
    ...(items.length > 0 ? keys : []),
  ];
  return { layers, height };
}

/** A text that begins at the panel's left edge. */
const write = (text: string, y: number, style: object) => ({
  data: { values: [{}] },
  mark: { type: "text", align: "left", color: INK, text, ...style },
  encoding: { x: { value: 0 }, y: { value: y } },
});

function markedEpochs(epochs: number): number[] {
  const every = Math.ceil(epochs / 10);
  return Array.from({ length: Math.ceil(epochs / every) }, (_, i) => epochs - i * every);
}

const equal = (field: string, value: string) => ({ field, equal: value });

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

const SOLID = { strokeWidth: 2 };
const DOTTED = { strokeWidth: 1.75, strokeDash: [0.1, 3.5], strokeCap: "round" };
const MARKER = { type: "point", filled: true, size: 44, opacity: 1, stroke: "white", strokeWidth: 1 };
const BAND = { type: "area", opacity: 0.18, clip: true };
const ROWS_APART = 24;

const CONFIG = {
  background: "white",
  font: FONT,
  aria: false,
  view: { stroke: null },
  text: { fontSize: 12 },
  axis: {
    labelFontSize: 11,
    labelColor: QUIET,
    labelPadding: 6,
    titleFontSize: 12,
    titleFontWeight: "normal",
    titleColor: QUIET,
    gridColor: FAINT,
    domain: false,
    ticks: false,
  },
  axisX: {
    grid: false,
    domain: true,
    domainColor: RULE,
    ticks: true,
    tickColor: RULE,
    tickSize: 4,
    labelPadding: 3,
    labelFlush: false,
    titleFontSize: 11,
  },
};

/** Renders a spec whose first panel begins at `left` and `top`. */
async function renderSvg(
  spec: TopLevelSpec,
  { title, height, left, top }: { title: string; height: number; left: number; top: number },
): Promise<string> {
  // Vega is large: only who draws pays for it.
  const [{ compile }, { parse, View }] = await Promise.all([import("vega-lite"), import("vega")]);
  // Without a browser Vega can only guess how wide a text is, so the layout is given and depends on no guess.
  const layout = {
    autosize: "none",
    width: FIGURE_WIDTH - left,
    height: height - top,
    padding: { left, top, right: 0, bottom: 0 },
  } as const;
  // Of a copy: Vega marks the data as its own.
  const vega = { ...compile(structuredClone(spec)).spec, ...layout };
  const view = new View(parse(vega), { renderer: "none" });
  const svg = await view.toSVG();
  const escaped = title.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  return svg.replace(/^<svg ([^>]*)>/, `<svg $1 role="img"><title>${escaped}</title>`);
}
