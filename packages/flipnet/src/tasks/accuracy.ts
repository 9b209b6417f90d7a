/** How often a guess was right, as tasks that guess report it: while learning, and on what was held out. */
import type { TaskCurve, TaskMetric } from "./definition.ts";

export const accuracyMetrics: readonly TaskMetric[] = [
  { name: "onlineAccuracy", title: "online accuracy", short: "online", digits: 1, percent: true },
  { name: "testAccuracy", title: "test accuracy", short: "test", digits: 1, percent: true },
];

/** The top of an axis: low accuracies fill it. */
function topOf(accuracies: readonly number[]): number {
  const highest = accuracies.reduce((a, b) => Math.max(a, b), 0);
  return highest > 0.5 ? 1 : Math.ceil(10 * highest + 0.5) / 10;
}

export const accuracyCurves: readonly TaskCurve[] = [
  {
    title: "Accuracy",
    solid: "testAccuracy",
    dotted: "onlineAccuracy",
    names: { solid: "test accuracy", dotted: "online accuracy" },
    domain: (points) => [0, topOf(points.map(({ value }) => value))],
    axis: "percent",
    digits: 1,
  },
];
