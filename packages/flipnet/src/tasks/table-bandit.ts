/**
 * A table as a contextual bandit: the row is the context, the action a guess of its class, and only the reward of the action
 * that was taken is told, 1 for a right guess and 0 for a wrong one.
 */
import type { TableData } from "../formats/table-data.ts";
import { createNetwork } from "../network/network.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { accuracyCurves } from "./accuracy.ts";
import { defineTask } from "./definition.ts";
import { sizesIn, TableTask, tableMetrics, tableNetwork, usualForTable } from "./table.ts";

/** Classes of a table's rows, learned from rewards. */
export const tableBandit = defineTask({
  name: "table-bandit",
  title: "Bandit on a table",
  says: "A network of coin flips sees a row of a table, names its class, and is told only whether it was right.",
  offers: ["reward"],
  settings: {},
  usual: { estimator: "hnca", hidden: [64], units: "plus-minus", batchSize: 50, learningRate: 3e-3 },
  usualFor: usualForTable,
  data: "table",
  length: "epochs",
  metrics: tableMetrics,
  curves: accuracyCurves,
  note: "The class that is said of a test row is the most probable one, on average over ten passes.",
  create(backend, settings, data: TableData) {
    const reward = backend.matrix(settings.batchSize, 1);
    const task = new TableTask(backend, data, settings, {
      objective: rewardObjective(reward),
      score: (right) => backend.copy(right, reward),
    });
    return { task, network: createNetwork(backend, tableNetwork(data, settings)) };
  },
  learned: async (backend, settings, shapeOf) => ({
    network: createNetwork(backend, tableNetwork(sizesIn(settings.hidden, shapeOf), settings)),
    input: "numbers",
  }),
});
