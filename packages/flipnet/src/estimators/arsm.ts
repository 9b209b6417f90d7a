/**
 * ARSM, augment-REINFORCE-swap-merge (Yin, Yue and Zhou 2019): ARM for softmax units. A choice is a race of exponential times, whose
 * shares `w` of their sum are uniform on the simplex; where two choices change their times, in all units of the layer at once, another
 * sample comes of it, and
 *
 *     g_c = 1/C sum_j [f(z, c and j swapped) - 1/C sum_m f(z, m and j swapped)] (1 - C w_j),
 *
 * `f` over the components downstream of the layer, C the choices. Bernoulli units are ARM: a pair from one uniform.
 *
 * Unbiased; its draws have no end of outcomes, so audits simulate. Cost: C (C - 1) / 2 partial passes from every layer on (one more with
 * `resample: "fresh"`), quadratic in depth and in the number of choices; the races are run on the host.
 */
import { immediate } from "../backend/backend.ts";
import { swappedRaces } from "../network/choice-laws.ts";
import { antithetic } from "../network/laws.ts";
import { defineEstimator } from "./estimator.ts";
import { advantageOf, prepareResampling, type Resampled, resampleOptions } from "./resampling.ts";

/** `g_c = 1/C sum_j [f(c, j swapped) - 1/C sum_m f(m, j swapped)] (1 - C w_j)`: Yin, Yue and Zhou 2019, theorem 4. */
export const arsm = defineEstimator({
  name: "arsm",
  title: "ARSM",
  paper: "Yin, Yue and Zhou 2019",
  unbiased: true,
  why: "the gradient of an expectation over a uniform law on the simplex, merged over all swaps of its parts",
  needs: { knows: ["evaluations"] },
  baseline: false,
  cost: "forward pass + half the square of the choices in partial passes from each layer on",
  options: { resample: resampleOptions.resample },

  prepare(problem, { resample }) {
    const { network, input } = problem;
    const backend = immediate(network.backend);
    const B = input.rows;
    const parts = network.layers.map(({ width, choices }) => {
      const numbers = (length: number) => new Float64Array(length);
      return {
        /** ARM's uniforms less a half, or the shares of the race's times. */
        noise: backend.matrix(B, width),
        half: backend.matrix(B, width),
        shares: numbers(B * width),
        g: numbers(B * width),
        /** [C, C] what the function is worth where two choices are swapped, row by row. */
        f: Array.from({ length: choices * choices }, () => numbers(B)),
        means: numbers(choices),
      };
    });
    const one = new Float64Array(B);

    function ofPair({ layer: { index }, branches, g }: Resampled): void {
      const { noise, half } = parts[index];
      backend.fill(half, 0.5);
      backend.subtract(noise, half, g);
      backend.addScaled(g, 1, g);
      backend.scaleRows(g, advantageOf(backend, branches, 0), g);
    }

    function ofRace({ layer: { index, width, choices: C }, branches, g: out }: Resampled): void {
      const { noise, shares, g, f, means } = parts[index];
      backend.readNow(noise, shares);
      let place = 0;
      for (let i = 0; i < C; i++) {
        for (let j = i; j < C; j++) {
          if (j === i && i > 0) continue;
          const values = f[i * C + j];
          values.fill(0);
          for (const { value } of branches[place++].components) {
            backend.readNow(value, one);
            for (let b = 0; b < B; b++) values[b] += one[b];
          }
          if (j > i) f[j * C + i].set(values);
        }
        if (i > 0) f[i * C + i].set(f[0]);
      }
      for (let b = 0; b < B; b++) {
        for (let j = 0; j < C; j++) {
          means[j] = 0;
          for (let m = 0; m < C; m++) means[j] += f[m * C + j][b] / C;
        }
        for (let at = b * width; at < (b + 1) * width; at += C) {
          for (let c = 0; c < C; c++) {
            let sum = 0;
            for (let j = 0; j < C; j++) sum += (f[c * C + j][b] - means[j]) * (1 - C * shares[at + j]);
            g[at + c] = sum / C;
          }
        }
      }
      backend.write(out, g);
    }

    return prepareResampling(
      problem,
      { resample, samples: ({ choices }) => (choices === 1 ? 2 : 1 + (choices * (choices - 1)) / 2) },
      (resampled) => (resampled.layer.kind === "bernoulli" ? ofPair : ofRace)(resampled),
      ({ layer: { kind, index }, branches }) => {
        const { pass } = branches[0];
        const others = branches.slice(1).map((branch) => branch.pass.layers[index].bits);
        const { noise } = parts[index];
        const law =
          kind === "bernoulli"
            ? antithetic(backend, pass.layers[index], others[0], noise)
            : swappedRaces(backend, pass.layers[index], others, noise);
        return (draws) => draws.draw(pass.sites[index], law);
      },
    );
  },
});
