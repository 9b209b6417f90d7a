/** The figure of `flipnet measure`: variance against time, one point an estimator and place in a training. */
import type { Measurement } from "flipnet/internal/training/measure";
import type { TopLevelSpec } from "vega-lite";
import { COLOURS, CONFIG, FIGURE_WIDTH, MARKER, QUIET, renderSvg, SHAPES, write } from "./figure-style.ts";
import { cutTo, textWidth, wrappedTo } from "./text-width.ts";

/** After so many epochs. */
export interface MeasuredAt {
  readonly epoch: number;
  readonly measurement: Measurement;
}

const left = 60;
/** Of the panel: beside it is room for names, below it for the axis. */
const panel = { width: 540, height: 310 };
/** Pixels of the type. */
const [TITLE_SIZE, SIZE, NAME_SIZE] = [16, 12, 11];

/** An SVG document. Lower and further left is better; lines join those between which an hour buys the same. */
export async function varianceAgainstTime(measured: readonly MeasuredAt[], title: string): Promise<string> {
  const values = measured.flatMap(({ epoch, measurement }) =>
    measurement.estimators.map(({ label: plain, unbiased, batchVariance, msPerStep }) => {
      const label = unbiased ? plain : `${plain} (biased)`;
      return {
        label,
        name: measured.length > 1 ? `${label}, ${epoch}` : label,
        time: msPerStep,
        variance: Math.log(batchVariance.value),
      };
    }),
  );
  const drawn = values.filter(({ time, variance }) => time > 0 && Number.isFinite(variance));
  const labels = [...new Set(drawn.map(({ label }) => label))];
  const times = drawn.map(({ time }) => time);
  const variances = drawn.map(({ variance }) => variance);
  const [from, to] = [Math.min(...times) / 1.2, Math.max(...times) * 1.5];
  const [least, most] = [Math.min(...variances) - 0.5, Math.max(...variances) + 0.5];
  // ln variance + ln time is the same along a line.
  const span = Math.log(to / from);
  const names = placed(
    drawn.map((point) => ({
      ...point,
      x: (panel.width * Math.log(point.time / from)) / span,
      y: (panel.height * (most - point.variance)) / (most - least),
    })),
  );
  const room = FIGURE_WIDTH - left - 6;
  const titles = wrappedTo(room, title, TITLE_SIZE, "bold");
  const says = wrappedTo(
    room,
    "Along a grey line an hour of computing buys the same; lower lines are better.",
    SIZE,
  );
  const top = 40 + 20 * titles.length + 17 * says.length;
  const lines = Array.from({ length: Math.ceil(most - least + span) }, (_, i) => least + i).flatMap(
    (start, line) => [
      { line, time: from, variance: start },
      { line, time: to, variance: start - span },
    ],
  );
  const x = {
    field: "time",
    type: "quantitative",
    scale: { type: "log", domain: [from, to], nice: false },
    axis: { title: "milliseconds of processor time a step", format: "~g" },
  } as const;
  const y = {
    field: "variance",
    type: "quantitative",
    scale: { domain: [least, most], zero: false, nice: false },
    axis: { title: "log variance of a batch's gradient (nats)" },
  } as const;
  const colour = {
    field: "label",
    type: "nominal",
    scale: { domain: labels, range: labels.map((_, i) => COLOURS[i % COLOURS.length]) },
    legend: null,
  } as const;
  const shape = {
    field: "label",
    type: "nominal",
    scale: { domain: labels, range: labels.map((_, i) => SHAPES[i % SHAPES.length]) },
    legend: null,
  } as const;
  const spec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    config: CONFIG,
    vconcat: [
      {
        ...panel,
        layer: [
          {
            data: { values: lines },
            mark: { type: "line", color: "#e4e8ec", strokeWidth: 1, clip: true },
            encoding: { x, y, detail: { field: "line", type: "nominal" } },
          },
          {
            data: { values: drawn },
            mark: { ...MARKER, size: 70 },
            encoding: { x, y, color: colour, shape },
          },
          {
            data: { values: names },
            mark: { type: "text", align: "left", fontSize: NAME_SIZE },
            encoding: {
              ...{ x: { field: "x", type: "quantitative", scale: null, axis: null } },
              ...{ y: { field: "y", type: "quantitative", scale: null, axis: null } },
              ...{ color: colour, text: { field: "name", type: "nominal" } },
            },
          },
          ...titles.map((text, i) =>
            write(text, 26 + 20 * i - top, { fontSize: TITLE_SIZE, fontWeight: 600 }),
          ),
          ...says.map((text, i) => write(text, 29 + 20 * titles.length + 17 * i - top, { color: QUIET })),
        ],
      },
    ],
  } as unknown as TopLevelSpec;
  return renderSvg(spec, { title, height: top + panel.height + 54, left, top });
}

/** Names beside their points: inside the figure, and none on another as long as there is room. */
function placed<T extends { name: string; x: number; y: number }>(points: readonly T[]): T[] {
  const boxes: { from: number; to: number; y: number }[] = [];
  const room = FIGURE_WIDTH - left - 6;
  return points.map((point) => {
    const { x, y } = point;
    const name = cutTo(room - 20, point.name, NAME_SIZE);
    const width = textWidth(name, NAME_SIZE);
    // Beside its point, a little higher or lower, or above or below it where it is wide.
    const beside = [x + 9, x - 9 - width];
    const within = Math.max(6, Math.min(x, room - width));
    const places = [0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6].flatMap((step) =>
      [...beside, ...(Math.abs(step) > 1 ? [within] : [])].map((from) => {
        return { from, to: from + width, y: y + 6 * step };
      }),
    );
    const inside = places.filter(
      ({ from, to, y }) => from >= 6 && to <= room && y > 6 && y < panel.height - 6,
    );
    const free = inside.find((one) =>
      boxes.every(({ from, to, y }) => one.from > to + 4 || one.to + 4 < from || Math.abs(one.y - y) >= 11),
    );
    const place = free ?? inside[0] ?? places[0];
    boxes.push(place);
    return { ...point, name, x: place.from, y: place.y };
  });
}
