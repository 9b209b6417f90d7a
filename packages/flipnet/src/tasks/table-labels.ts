/**
 * Classification of a table's rows with known labels: what every guess would earn is known, 1 for the right class, so
 * the output takes the exact expectation over its classes, and the hidden units are credited by it.
 */
import type { TableData } from "../formats/table-data.ts";
import { createNetwork } from "../network/network.ts";
import { knownRewardObjective } from "../objectives/reward.ts";
import { accuracyCurves } from "./accuracy.ts";
import { defineTask } from "./definition.ts";
import { sizesIn, TableTask, tableMetrics, tableNetwork, usualForTable } from "./table.ts";

/** Classes of a table's rows, learned from their labels. */
export const tableLabels = defineTask({
  name: "table-labels",
  title: "Classification of a table",
  says: "A network of coin flips sees a row of a table, names its class, and is told the right one.",
  offers: ["components", "evaluations", "slopes"],
  settings: {},
  usual: { estimator: "f-hnca", hidden: [64], units: "plus-minus", batchSize: 50, learningRate: 3e-3 },
  usualFor: usualForTable,
  data: "table",
  length: "epochs",
  metrics: tableMetrics,
  curves: accuracyCurves,
  note: "The class that is said of a test row is the most probable one, on average over ten passes.",
  create(backend, settings, data: TableData) {
    const { batchSize } = settings;
    const { classes } = data;
    const rewards = backend.matrix(batchSize, classes);
    // One-hot labels: a class is told by what it would earn.
    const ones = new Float32Array(batchSize * classes);
    const objective = knownRewardObjective(rewards);
    const task = new TableTask(backend, data, settings, {
      objective,
      load(labels) {
        ones.fill(0);
        labels.forEach((label, b) => {
          ones[b * classes + label] = 1;
        });
        backend.write(rewards, ones);
      },
    });
    return { task, network: createNetwork(backend, tableNetwork(data, settings)) };
  },
  learned: async (backend, settings, shapeOf) => ({
    network: createNetwork(backend, tableNetwork(sizesIn(settings.hidden, shapeOf), settings)),
    input: "numbers",
  }),
});
