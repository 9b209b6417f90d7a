/** The figure of `flipnet measure`: variance against time, one point an estimator and place in a training. */
import type { Measurement } from "flipnet/internal/training/measure";
import type { TopLevelSpec } from "vega-lite";
import { COLOURS, CONFIG, INK, MARKER, QUIET, renderSvg, SHAPES } from "./figure-style.ts";

/** After so many epochs. */
export interface MeasuredAt {
  readonly epoch: number;
  readonly measurement: Measurement;
}

const [height, left, top] = [456, 60, 92];
/** Of the panel: beside it is room for names, below it for the axis. */
const panel = { width: 540, height: 310 };

/** An SVG document. Lower and further left is better; lines join those between which an hour buys the same. */
export async function varianceAgainstTime(measured: readonly MeasuredAt[], title: string): Promise<string> {
  const values = measured.flatMap(({ epoch, measurement }) =>
    measurement.estimators.map(({ label, unbiased, batchVariance, msPerStep }) => ({
      label: unbiased ? label : `${label} (biased)`,
      name: measured.length > 1 ? `${label}, ${epoch}` : label,
      time: msPerStep,
      variance: Math.log(batchVariance.value),
    })),
  );
  const drawn = values.filter(({ time, variance }) => time > 0 && Number.isFinite(variance));
  const labels = [...new Set(drawn.map(({ label }) => label))];
  const times = drawn.map(({ time }) => time);
  const variances = drawn.map(({ variance }) => variance);
  const [from, to] = [Math.min(...times) / 1.2, Math.max(...times) * 1.5];
  const [least, most] = [Math.min(...variances) - 0.5, Math.max(...variances) + 0.5];
  // ln variance + ln time is the same along a line.
  const span = Math.log(to / from);
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
    title: {
      text: title,
      subtitle: ["Along a grey line an hour of computing buys the same; lower lines are better."],
      anchor: "start",
      color: INK,
      subtitleColor: QUIET,
      frame: "group",
      offset: 12,
    },
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
            data: { values: drawn },
            mark: { type: "text", align: "left", dx: 9, fontSize: 11 },
            encoding: { x, y, color: colour, text: { field: "name", type: "nominal" } },
          },
        ],
      },
    ],
  } as unknown as TopLevelSpec;
  return renderSvg(spec, { title, height, left, top });
}
