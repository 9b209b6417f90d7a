/**
 * CARMS (Dimitriev and Zhou 2021b): ARMS for softmax units. K samples that repel each other, and each difference of two of them
 * by how much rarer their pair is than it would be of independent samples,
 *
 *     g = 1 / (K (K - 1)) sum over pairs k < m of r(z_k, z_m) (f_k - f_m) (z_k - z_m),
 *     r(i, j) = p_i p_j / P(one chose i, the other j),
 *
 * `z` one-hot, `f` over the components downstream of the layer. The samples are where repelling numbers fall on the unit's
 * choices laid out along [0, 1); in which order is drawn, one for each two choices, with the rarer of them first and the other
 * last: so any two choices can be made together, and `r` is at most the number of orders, `C (C - 1) / 2`. `P` is the mean over the
 * orders, each by the joint law of two repelling numbers.
 *
 * Unbiased. Cost: K - 1 partial passes from every layer on (K with `resample: "fresh"`), quadratic in depth; choices are drawn and
 * credited on the host, in a time that grows with the square of their number. Two choices, and Bernoulli units, are ARMS.
 */
import { immediate } from "../backend/backend.ts";
import { chosenAt, prepareOrders, repellingChoices } from "../network/choice-laws.ts";
import { prepareRepelling } from "./arms.ts";
import { defineEstimator } from "./estimator.ts";
import { prepareResampling, type Resampled, resampleOptions } from "./resampling.ts";

/** `g = 1/(K (K-1)) sum_{k<m} r(z_k, z_m) (f_k - f_m) (z_k - z_m)`: Dimitriev and Zhou 2021b, inverse distribution function. */
export const carms = defineEstimator({
  name: "carms",
  title: "CARMS",
  paper: "Dimitriev and Zhou 2021b, inverse distribution function, Dirichlet copula",
  unbiased: true,
  why: "each pair of samples is weighed by how much rarer it is than two independent ones",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "forward pass + partial passes from each layer on",
  options: { ...resampleOptions, samples: { ...resampleOptions.samples, default: 4 } },

  prepare(problem, options) {
    const { network, input } = problem;
    const backend = immediate(network.backend);
    const K = options.samples;
    const B = input.rows;
    const ofBernoulli = prepareRepelling(problem, K);
    const numbers = (length: number) => Array.from({ length: K }, () => new Float64Array(length));
    const parts = network.layers.map(({ kind, width, choices }) =>
      kind === "bernoulli"
        ? undefined
        : {
            orders: prepareOrders(choices, K),
            bits: numbers(B * width),
            p: new Float64Array(B * width),
            g: new Float64Array(B * width),
          },
    );
    const f = numbers(B);
    const one = new Float64Array(B);
    const chosen = new Int32Array(K);
    const pairs = Array.from({ length: K }, (_, m) => Array.from({ length: m }, (_, k) => [k, m])).flat();

    function ofChoices({ layer: { index, width, choices }, branches, g: out }: Resampled): void {
      const { orders, bits, p, g } = parts[index]!;
      branches.forEach(({ pass, components }, k) => {
        f[k].fill(0);
        for (const { value } of components) {
          backend.readNow(value, one);
          for (let b = 0; b < B; b++) f[k][b] += one[b];
        }
        backend.readNow(pass.layers[index].bits, bits[k]);
      });
      backend.readNow(branches[0].pass.layers[index].p, p);
      g.fill(0);
      for (let at = 0; at < g.length; at += choices) {
        const row = Math.floor(at / width);
        for (let k = 0; k < K; k++) chosen[k] = chosenAt(bits[k], at, choices);
        orders.place(p, at, chosen);
        for (const pair of pairs) {
          const [k, m] = pair;
          const [i, j] = [chosen[k], chosen[m]];
          if (i === j) continue;
          // It is no larger, but for rounding.
          const ratio = Math.min(orders.count, (p[at + i] * p[at + j]) / orders.chance(pair));
          const credit = (ratio * (f[k][row] - f[m][row])) / (K * (K - 1));
          g[at + i] += credit;
          g[at + j] -= credit;
        }
      }
      backend.write(out, g);
    }

    return prepareResampling(
      problem,
      options,
      (resampled) => (resampled.layer.kind === "bernoulli" ? ofBernoulli.credit : ofChoices)(resampled),
      (resampled) => {
        const { kind, index } = resampled.layer;
        if (kind === "bernoulli") return ofBernoulli.prepareDraw(resampled);
        const { pass } = resampled.branches[0];
        const others = resampled.branches.slice(1).map((branch) => branch.pass.layers[index].bits);
        const law = repellingChoices(backend, pass.layers[index], others, parts[index]!.orders);
        return (draws) => draws.draw(pass.sites[index], law);
      },
    );
  },
});
