// An objective of your own: a function of what coins do, whose expectation is maximised. It runs as it is:
//
//     flipnet train --objective ./objective.mjs
//     flipnet train --objective ./objective.mjs --estimator disarm --hidden 32 --steps 5000
//
// Here the last layer cuts a graph in two, a coin a node, and is worth the edges that it cuts.
import { blackBoxObjective, defineObjective } from "flipnet";

const nodes = 10;
const edges = [];
for (let i = 0; i < nodes; i++) edges.push([i, (i + 1) % nodes], [i, (i + 4) % nodes]);

export default defineObjective({
  title: "The largest cut of a graph",
  // Numbers that the network sees. Without `see(rows, random)`, which fills them in, all are 0.
  inputs: 1,
  output: nodes,

  maximise(network) {
    const last = network.layers.length - 1;
    return blackBoxObjective(
      ({ layers, batchSize }, values) => {
        const bits = layers[last];
        for (let b = 0; b < batchSize; b++) {
          values[b] = edges.filter(([i, j]) => bits[b * nodes + i] !== bits[b * nodes + j]).length;
        }
      },
      // `differences`: it may be asked what each coin is worth, one call more for each.
      { name: "cut", reads: [last], differences: true },
    );
  },
});
