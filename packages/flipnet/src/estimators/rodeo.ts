/**
 * RODEO (Shi, Zhou, Hwang, Titsias and Mackey 2022): leave-one-out over K samples, with control variates from a Stein operator. Whatever
 * the function `h`, flips of single units have the mean 0 under the units' law,
 *
 *     (A h)(b) = 1/D sum_i P(i does the other thing) (h(b, i flipped) - h(b)),     E[(A h)(b)] = 0,
 *
 * and so may be added, to each `f` and to the credit,
 *
 *     g = 1/K sum_k [f_k - mean of the other (f_j + alpha (A h_j)(b_j))] (b_k - p) + beta (A h'_k (. - p))(b_k).
 *
 * `h_k` and `h'_k` are two outputs of one small network, `O max(a, 0.3 a)`, `a = x w + z v + c`, which sees two numbers: `z`, the mean of the
 * other samples' `f`, and `x`, what they expect at `y` to first order, the mean of `f'(b_j) . (y - b_j)`. A flip moves `x` by one slope, so
 * no sample is evaluated anew; `f` is over the components downstream of the layer, its slope over those that read the layer. Network, `alpha`
 * and `beta` learn downhill on the mean of `g^2`; with `alpha = beta = 0`, as it begins, it is leave-one-out.
 *
 * Unbiased, whatever they are, as no `h_k` depends on sample k. Cost: K - 1 partial passes from every layer on, the slopes of each, and
 * the network at every flip of every sample, there and back, on the host.
 */
import { immediate } from "../backend/backend.ts";
import type { Parameters } from "../front-ends/front-end.ts";
import { createLinear } from "../network/network.ts";
import { addOwnSlopes } from "./backpropagation.ts";
import { defineEstimator } from "./estimator.ts";
import { count, number, positive } from "./options.ts";
import { prepareLeaveOneOut, prepareResampling, type Resampled, resampleOptions } from "./resampling.ts";

/** Leave-one-out with control variates from a Gibbs Stein operator: Shi, Zhou, Hwang, Titsias and Mackey 2022, equation 11. */
export const rodeo = defineEstimator({
  name: "rodeo",
  title: "RODEO",
  paper: "Shi, Zhou, Hwang, Titsias and Mackey 2022, Gibbs operator, averaged inputs",
  unbiased: true,
  why: "each sample's corrections have the mean 0 given the other samples",
  needs: { knows: ["evaluations", "slopes"], bernoulli: "all" },
  baseline: false,
  cost: "forward pass + partial passes from each layer on, with slopes, and a network at every flip",
  options: {
    ...resampleOptions,
    start: number({ from: -10, to: 10, default: 0, says: "the coefficients of both corrections at first" }),
    hidden: count({ least: 1, default: 100, says: "hidden units of the network" }),
    rate: positive({ default: 1e-3, says: "learning rate of network and coefficients" }),
  },

  prepare(problem, { samples: K, resample, start, hidden: H, rate }) {
    const { network, input } = problem;
    const backend = immediate(network.backend);
    const B = input.rows;
    const leaveOneOut = prepareLeaveOneOut(problem, K);
    const parts = network.layers.map(({ index, width: D }) => {
      const name = `estimator.rodeo.${index}`;
      const coefficients = backend.matrix(1, 2);
      backend.write(coefficients, [start, start]);
      const real = (rows: number) => [{ from: -1, coding: "real" as const, rows }];
      const inner = createLinear(backend, `${name}.hidden`, real(2), H);
      const outer = createLinear(backend, `${name}.output`, real(H), 2);
      const parameters: (Parameters & { rate: number })[] = [
        { name, block: coefficients, width: 0, rate },
        ...[inner, outer].map(({ name, block, width }) => ({ name, block, width, rate })),
      ];
      const numbers = (length: number) => new Float64Array(length);
      const each = (length: number) => Array.from({ length: K }, () => numbers(length));
      return {
        D,
        parameters,
        gradients: parameters.map(({ block }) => backend.matrix(1, block.columns)),
        blocks: parameters.map(({ block }) => numbers(block.columns)),
        climbs: parameters.map(({ block }) => numbers(block.columns)),
        room: backend.matrix(B, D),
        p: numbers(B * D),
        q: numbers(B * D),
        g: numbers(B * D),
        bits: each(B * D),
        slopes: each(B * D),
        f: each(B),
        /** [B, D + 1] what the network sees first, at every flip and, last, at the sample itself; and what it says of both. */
        x: each(B * (D + 1)),
        h: each(B * (D + 1)),
        h2: each(B * (D + 1)),
        z: each(B),
        /** [B] `(A h)(b)`, and the part of `A h' (. - p)` that multiplies the score. */
        first: each(B),
        second: each(B),
      };
    });
    type Part = (typeof parts)[number];
    const one = new Float64Array(B);
    const said = new Float64Array(2);

    /** The network's two numbers where it sees these two. */
    function ask({ blocks }: Part, x: number, z: number): void {
      const inner = blocks[1];
      const outer = blocks[2];
      said[0] = outer[2 * H];
      said[1] = outer[2 * H + 1];
      for (let u = 0; u < H; u++) {
        const a = inner[u] * x + inner[H + u] * z + inner[2 * H + u];
        const y = a > 0 ? a : 0.3 * a;
        said[0] += outer[2 * u] * y;
        said[1] += outer[2 * u + 1] * y;
      }
    }

    /** Adds to what the parameters are to climb, as both numbers are to move by `d` and `d2`. */
    function tell({ blocks, climbs }: Part, x: number, z: number, d: number, d2: number): void {
      const inner = blocks[1];
      const outer = blocks[2];
      const ofInner = climbs[1];
      const ofOuter = climbs[2];
      ofOuter[2 * H] += d;
      ofOuter[2 * H + 1] += d2;
      for (let u = 0; u < H; u++) {
        const a = inner[u] * x + inner[H + u] * z + inner[2 * H + u];
        const slope = a > 0 ? 1 : 0.3;
        ofOuter[2 * u] += d * slope * a;
        ofOuter[2 * u + 1] += d2 * slope * a;
        const back = slope * (d * outer[2 * u] + d2 * outer[2 * u + 1]);
        ofInner[u] += back * x;
        ofInner[H + u] += back * z;
        ofInner[2 * H + u] += back;
      }
    }

    /** Reads what the samples of a layer are, and asks the network about all flips of each. */
    function look(part: Part, { layer, branches, g }: Resampled): void {
      const { D, p, q, bits, slopes, f, x, h, h2, z, first, second, room } = part;
      const { pass } = branches[0];
      backend.readNow(pass.layers[layer.index].p, p);
      backend.readNow(pass.layers[layer.index].q, q);
      backend.readNow(g, part.g);
      part.parameters.forEach(({ block }, i) => {
        backend.readNow(block, part.blocks[i]);
      });
      branches.forEach(({ pass, components }, k) => {
        backend.readNow(pass.layers[layer.index].bits, bits[k]);
        backend.fill(room, 0);
        addOwnSlopes(components, layer, room);
        backend.readNow(room, slopes[k]);
        f[k].fill(0);
        for (const { value } of components) {
          backend.readNow(value, one);
          for (let b = 0; b < B; b++) f[k][b] += one[b];
        }
      });
      for (let k = 0; k < K; k++) {
        for (let b = 0; b < B; b++) {
          const seen = b * (D + 1);
          z[k][b] = 0;
          let here = 0;
          for (let j = 0; j < K; j++) {
            if (j === k) continue;
            z[k][b] += f[j][b] / (K - 1);
            for (let e = b * D; e < (b + 1) * D; e++) here += slopes[j][e] * (bits[k][e] - bits[j][e]);
          }
          here /= K - 1;
          x[k][seen + D] = here;
          ask(part, here, z[k][b]);
          const own = said[0];
          const own2 = said[1];
          h[k][seen + D] = own;
          h2[k][seen + D] = own2;
          first[k][b] = 0;
          second[k][b] = 0;
          for (let i = 0; i < D; i++) {
            const e = b * D + i;
            let slope = 0;
            for (let j = 0; j < K; j++) if (j !== k) slope += slopes[j][e];
            x[k][seen + i] = here + ((1 - 2 * bits[k][e]) * slope) / (K - 1);
            ask(part, x[k][seen + i], z[k][b]);
            h[k][seen + i] = said[0];
            h2[k][seen + i] = said[1];
            const other = (bits[k][e] === 1 ? q[e] : p[e]) / D;
            first[k][b] += other * (said[0] - own);
            second[k][b] += other * (said[1] - own2);
          }
        }
      }
    }

    /** Element `e` of a sample's score. */
    const scoreAt = ({ bits, p, q }: Part, k: number, e: number): number => (bits[k][e] === 1 ? q[e] : -p[e]);

    /** The mean of the other samples' `(A h)(b)`. */
    function othersAt({ first }: Part, k: number, b: number): number {
      let sum = 0;
      for (let j = 0; j < K; j++) if (j !== k) sum += first[j][b];
      return sum / (K - 1);
    }

    /** Element `i` of an example's `A h' (. - p)` at sample `k`. */
    function vectorAt(part: Part, k: number, b: number, i: number): number {
      const { D, bits, p, q, h2, second } = part;
      const e = b * D + i;
      const isOn = bits[k][e] === 1;
      const moved = ((isOn ? q[e] : p[e]) / D) * h2[k][b * (D + 1) + i];
      return second[k][b] * scoreAt(part, k, e) + (isOn ? -moved : moved);
    }

    const prepared = prepareResampling(problem, { samples: K, resample }, (resampled) => {
      leaveOneOut(resampled);
      const part = parts[resampled.layer.index];
      look(part, resampled);
      const { D, g, blocks } = part;
      const [alpha, beta] = blocks[0];
      for (let k = 0; k < K; k++) {
        for (let b = 0; b < B; b++) {
          const others = alpha * othersAt(part, k, b);
          for (let i = 0; i < D; i++) {
            const e = b * D + i;
            g[e] += (beta * vectorAt(part, k, b, i) - others * scoreAt(part, k, e)) / K;
          }
        }
      }
      backend.write(resampled.g, g);
    });

    /** How network and coefficients are to move, uphill on minus the mean of `g^2`. */
    function learn(part: Part): void {
      const { D, g, bits, p, q, x, z, blocks, climbs } = part;
      const [alpha, beta] = blocks[0];
      for (const climb of climbs) climb.fill(0);
      const step = -2 / (B * D * K);
      for (let b = 0; b < B; b++) {
        for (let k = 0; k < K; k++) {
          // g . (b_k - p), and of all other samples.
          let dot = 0;
          let otherDots = 0;
          for (let i = 0; i < D; i++) {
            const e = b * D + i;
            climbs[0][1] += step * g[e] * vectorAt(part, k, b, i);
            for (let j = 0; j < K; j++) {
              const term = g[e] * scoreAt(part, j, e);
              if (j === k) dot += term;
              else otherDots += term;
            }
          }
          climbs[0][0] -= step * othersAt(part, k, b) * dot;
          const byFirst = (-step * alpha * otherDots) / (K - 1);
          const bySecond = step * beta * dot;
          const seen = b * (D + 1);
          let all = 0;
          for (let i = 0; i < D; i++) {
            const e = b * D + i;
            const other = (bits[k][e] === 1 ? q[e] : p[e]) / D;
            all += other;
            const turned = step * beta * (1 - 2 * bits[k][e]) * g[e];
            tell(part, x[k][seen + i], z[k][b], other * byFirst, other * (bySecond + turned));
          }
          tell(part, x[k][seen + D], z[k][b], -all * byFirst, -all * bySecond);
        }
      }
    }

    return {
      ...prepared,
      parameters: parts.flatMap(({ parameters }) => parameters),
      gradients: parts.flatMap(({ gradients }) => gradients),
      adapt() {
        for (const part of parts) {
          learn(part);
          part.gradients.forEach((gradient, i) => {
            backend.write(gradient, part.climbs[i]);
          });
        }
      },
    };
  },
});
