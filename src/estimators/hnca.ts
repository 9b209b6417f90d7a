/**
 * Hindsight Network Credit Assignment (Young 2022), equation 3, algorithms 1 and 2. A unit is credited by how much
 * its choice changed the odds of what its children did:
 *
 *     g = (R - c) (P(unit on | Markov blanket) - P(unit on | parents)),   the first term being sigmoid(l + delta),
 *
 * `delta` the log-likelihood ratio of the children's outcomes between the unit being on and off. That is REINFORCE
 * with the sampled bit replaced by its posterior mean, and equals the paper's sigma'(l) (q1 - q0) / qbar. A softmax
 * unit gets posterior minus prior over its choices. Units without children use REINFORCE, as in the paper.
 *
 * Unbiased, with no more variance than REINFORCE in any parameter (theorem 1). Cost beside the forward pass: one
 * multiply-add and one multiply an edge and example.
 */
import type { FlipTables, Matrix } from "../backend/backend.ts";
import type { Edge, Layer } from "../network/network.ts";
import { createTrace, samplePass } from "../network/trace.ts";
import { prepareSignal } from "./baseline.ts";
import type { Estimator } from "./estimator.ts";

export const hnca: Estimator = {
  name: "hnca",
  title: "HNCA",
  paper: "Young 2022 (HNCA paper), equation 3, algorithms 1 and 2",
  unbiased: true,
  why: "it is REINFORCE's expectation given each unit's Markov blanket and the reward",
  needs: "a reward for the action",
  cost: "forward pass + one message to every parent",
  tasks: ["bandit", "multiplexer"],

  prepare(problem) {
    const { network, input } = problem;
    const { backend } = network;
    const trace = createTrace(network, input);
    const signal = prepareSignal(problem);
    const credits = network.layers.map((layer) => ({
      layer,
      g: backend.matrix(input.rows, layer.width),
      /** [B, width] log-likelihood of the children's outcomes, on less off or choice by choice. */
      delta: layer.children.length > 0 ? backend.matrix(input.rows, layer.width) : undefined,
      trace,
    }));
    const tables = new Map<Edge, FlipTables>();
    for (const layer of network.layers) {
      if (layer.kind !== "bernoulli") continue;
      for (const { edge } of layer.children) {
        if (edge.coding !== "real") tables.set(edge, backend.flipTables(edge.weights, edge.coding));
      }
    }

    function childrenLogLikelihood(layer: Layer, delta: Matrix): void {
      const { bits } = trace.layers[layer.index];
      layer.children.forEach(({ layer: child, edge }, i) => {
        const outcome = trace.layers[child.index];
        const table = tables.get(edge);
        if (table !== undefined) {
          backend.refreshFlipTables(table);
          backend.flipLogLikelihood(bits, table, outcome, delta, i > 0);
        } else {
          backend.switchLogLikelihood(bits, layer.choices, edge.weights, outcome, delta, i > 0);
        }
      });
    }

    return {
      trace,
      credits,
      state: signal.state,
      sample: (draws) => samplePass(trace, draws),
      assign() {
        signal.update();
        for (const { layer, g, delta } of credits) {
          const { bits, p, q } = trace.layers[layer.index];
          if (delta === undefined) {
            backend.subtract(bits, p, g);
          } else {
            childrenLogLikelihood(layer, delta);
            if (layer.kind === "bernoulli") backend.posteriorMinusPrior(p, q, delta, g);
            else backend.choicePosteriorMinusPrior(p, layer.choices, delta, g);
          }
          backend.scaleRows(g, signal.values, g);
        }
      },
    };
  },
};
