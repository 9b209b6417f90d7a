/** What the page writes: the network for `flipnet audit`, the training for `flipnet train`. */
import type { Exported } from "../shared/controls.tsx";
import { classOf } from "./plane.ts";
import type { LaneView } from "./question.ts";
import { batchSize, type Setting } from "./spec.ts";

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Of each network its spec; the training's settings; and, of a plane, points as a table. */
export function filesOf(setting: Setting, step: number, lanes: readonly LaneView[]): Exported[] {
  const files: Exported[] = lanes.map(({ name, spec }) => ({
    label: `Spec for flipnet audit: ${name}`,
    name: `network-${name.replace(/[^a-z-]/g, "-")}.json`,
    text: () => json(spec),
  }));
  files.push({
    label: "Settings for flipnet train",
    name: "train.json",
    text: () => json(configOf(setting, step)),
  });
  const { task } = setting;
  if (task !== "wire") {
    files.push({
      label: "Points, for these settings",
      name: "points.csv",
      text: () => pointsOf(task, setting.seed),
    });
  }
  return files;
}

/** The multiplexer is a task of the library; points go as a table, and an epoch is a walk through it. */
export function configOf(setting: Setting, step: number): object {
  const [estimator] = setting.estimators;
  const { hidden, rate, baseline, seed, task } = setting;
  const shared = { estimator, hidden, units: "plus-minus", batchSize, learningRate: rate, baseline, seed };
  return task === "wire"
    ? { task: "multiplexer", k: 2, ...shared, steps: Math.max(step, 1000), recordEvery: 100 }
    : { task: "table-bandit", data: "points.csv", target: "answer", ...shared, epochs: 20 };
}

/** Points on a lattice that no two of share a row or column with a small number. */
function pointsOf(task: "xor" | "circle" | "spiral", seed: number): string {
  const rows = ["x,y,answer"];
  for (let i = 0; i < 4000; i++) {
    const x = 2 * ((0.7548776662 * i + seed * 0.618) % 1) - 1;
    const y = 2 * ((0.5698402909 * i + seed * 0.414) % 1) - 1;
    rows.push(`${x.toFixed(4)},${y.toFixed(4)},${classOf(task, x, y) === 1 ? "yes" : "no"}`);
  }
  return `${rows.join("\n")}\n`;
}
