/**
 * Local DisARM (Dong, Mnih and Tucker 2020, section 4.1): climbs the bound that K samples give, `L = log (1/K sum_k e^(f_k))`, each
 * sample by an antithetic one in its place, all others being as they are,
 *
 *     g_k = (L - L with sample k replaced) / 2 (b_k - b~_k) max(p, q) + w_k / (sum_j w_j) df_k / dl,
 *
 * `f = log p(x, b) - log q(b | x)` the whole objective. What the objective itself learns, decoder and prior, is weighted by
 * `w_k / sum w` likewise.
 *
 * Unbiased for that bound, which is another objective than the others'. Cost: K full passes, and for each a partial pass from every
 * layer on.
 */

import { immediate } from "../backend/backend.ts";
import { antithetic } from "../network/laws.ts";
import { forkPass, samplePass } from "../network/pass.ts";
import { defineEstimator } from "./estimator.ts";
import { count } from "./options.ts";
import { downstream } from "./resampling.ts";
import { prepareSampleBound } from "./sample-bound.ts";

/** `g_k = (L - L~_k) / 2 (b_k - b~_k) max(p, q) + w_k / (sum w) df_k / dl`: Dong, Mnih and Tucker 2020. */
export const localDisarm = defineEstimator({
  name: "local-disarm",
  title: "Local DisARM",
  paper: "Dong, Mnih and Tucker 2020, multi-sample bounds",
  unbiased: false,
  why: "it is unbiased for the bound of K samples, which lies above that of one",
  needs: { knows: ["evaluations"], bernoulli: "all" },
  baseline: false,
  cost: "a forward pass a sample, partial passes from each layer on for each, and the objective's own gradients",
  options: { samples: count({ least: 2, default: 5, says: "samples of the bound, each a full pass" }) },

  prepare(problem, { samples: K }) {
    const { network, input, objective } = problem;
    const { layers } = network;
    const backend = immediate(network.backend);
    const B = input.rows;
    const bound = prepareSampleBound("local-disarm", problem, K);
    const { samples, evaluation } = bound;
    const rooms = layers.map(({ width }) => backend.matrix(B, width));
    const [change, signal] = [backend.matrix(B, 1), backend.matrix(B, 1)];
    const changes = new Float64Array(B);
    const places = samples.map(({ pass, evaluation, terms }, k) => ({
      layers: layers.map((layer) => {
        const fork = forkPass(pass, layer, K * (1 + layer.index) + k);
        const { bits } = fork.layers[layer.index];
        return {
          term: terms[layer.index],
          fork,
          before: downstream(evaluation.components, layer),
          after: downstream(objective.prepare(fork).components, layer),
          law: antithetic(backend, pass.layers[layer.index], bits),
        };
      }),
    }));
    return {
      pass: samples[0].pass,
      evaluation,
      credits: samples.flatMap(({ terms }) => terms),
      state: {},
      sample(draws) {
        samples.forEach(({ pass }, k) => {
          samplePass(pass, draws, (index) => draws.draw(pass.sites[index], places[k].layers[index].law));
        });
        for (const place of places) for (const { fork } of place.layers) samplePass(fork, draws);
      },
      credit() {
        bound.evaluate();
        samples.forEach((sample, k) => {
          for (const { term, fork, before, after } of places[k].layers) {
            const { index } = term.linear;
            backend.fill(change, 0);
            for (const { value } of before) backend.addScaled(value, -1, change);
            for (const component of after) {
              component.evaluate();
              backend.addScaled(component.value, 1, change);
            }
            backend.readNow(change, changes);
            for (let b = 0; b < B; b++) {
              changes[b] = (bound.value[b] - bound.valueWith(b, k, sample.f[b] + changes[b])) / 2;
            }
            backend.write(signal, changes);
            const { p, q, bits } = sample.pass.layers[index];
            backend.maximum(p, q, rooms[index]);
            backend.subtract(bits, fork.layers[index].bits, term.g);
            backend.multiply(term.g, rooms[index], term.g);
            backend.scaleRows(term.g, signal, term.g);
          }
          bound.addShares(sample);
        });
      },
    };
  },
});
