/** What the page writes: the network for `flipnet audit`, the training for `flipnet train`. */
import type { Exported } from "../shared/controls.tsx";
import { classOf } from "./guessing.ts";
import type { Detail } from "./question.ts";
import { batchSize, board, isPlane, type Setting, type Shape } from "./spec.ts";

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Of each network its spec, where the audit has one; the training's settings; and, of a plane, points as a table. */
export function filesOf(
  setting: Setting,
  step: () => number,
  lanes: readonly { readonly name: string; readonly detail: Pick<Detail, "spec"> }[],
): Exported[] {
  const { task, seed } = setting;
  const files = lanes
    .filter(({ detail }) => detail.spec !== undefined)
    .map(({ name, detail }) => ({
      label: `Spec for flipnet audit: ${name}`,
      name: `network-${name.replace(/[^a-z-]/g, "-")}.json`,
      text: () => json(detail.spec),
    }));
  files.push({
    label: "Settings for flipnet train",
    name: "train.json",
    text: () => json(configOf(setting, step())),
  });
  if (isPlane(task)) {
    files.push({ label: "Points, for these settings", name: "points.csv", text: () => pointsOf(task, seed) });
  }
  return files;
}

/**
 * The multiplexer and the walk are tasks of the library as they are; digits are there in their full size; points go as a
 * table, and an epoch is a walk through it.
 */
export function configOf(setting: Setting, step: number): object {
  const [estimator] = setting.estimators;
  const { hidden, rate, baseline, seed, task } = setting;
  const shared = { estimator, hidden, units: "plus-minus", learningRate: rate, baseline, seed };
  const steps = Math.max(step, 1000);
  if (task === "wire") return { task: "multiplexer", k: 2, ...shared, batchSize, steps, recordEvery: 100 };
  if (task === "digits") return { task: "bandit", ...shared, batchSize, epochs: 2 };
  if (task === "walk") {
    const { size, horizon, episodes } = board;
    return { task: "grid-world", size, horizon, ...shared, batchSize: episodes, steps, recordEvery: 100 };
  }
  return { task: "table-bandit", data: "points.csv", target: "answer", ...shared, batchSize, epochs: 20 };
}

/** Points on a lattice that no two of share a row or column with a small number. */
function pointsOf(task: Shape, seed: number): string {
  const rows = ["x,y,answer"];
  for (let i = 0; i < 4000; i++) {
    const x = 2 * ((0.7548776662 * i + seed * 0.618) % 1) - 1;
    const y = 2 * ((0.5698402909 * i + seed * 0.414) % 1) - 1;
    rows.push(`${x.toFixed(4)},${y.toFixed(4)},${classOf(task, x, y) === 1 ? "yes" : "no"}`);
  }
  return `${rows.join("\n")}\n`;
}
