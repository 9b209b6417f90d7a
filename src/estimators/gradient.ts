/**
 * From credits to parameter gradients, the same for every estimator. A unit's logit is linear in its parents, so
 * `dW = mean_b x[b] (x) g[b]` and `dc = mean_b g[b]`. The variance over the batch of the per-example gradient, summed
 * over a layer's parameters, is
 *
 *     mean_b |g_b (x) (x_b, 1)|^2 - |dW|^2 - |dc|^2,    |g (x) (x, 1)|^2 = |g|^2 (|x|^2 + 1),
 *
 * and with two terms an example, (g1, x1) and (g2, x2), the squared norm gains 2 (g1 . g2) (x1 . x2 + 1). No
 * per-example gradient is ever formed.
 */
import type { Matrix, Sums } from "../backend/backend.ts";
import type { Edge, Layer, Network } from "../network/network.ts";
import { shown } from "../network/trace.ts";
import type { Credit } from "./estimator.ts";

interface LayerGradient {
  readonly layer: Layer;
  readonly credits: readonly Credit[];
  /** [1, n], laid out as the layer's block of parameters. */
  readonly block: Matrix;
  readonly weights: readonly { readonly edge: Edge; readonly into: Matrix }[];
  readonly bias: Matrix;
}

export interface Gradient {
  /** One block a layer, laid out as the layer's parameters. Uphill. */
  readonly blocks: readonly Matrix[];
  /** Computes the blocks from the credits as they stand. */
  compute(): void;
  /**
   * Adds each layer's gradient variance, summed over its parameters (population variance over the batch, D-11), to
   * `sums[2 * layer]`, and notes in `sums[2 * layer + 1]` the first step where it was not finite.
   */
  addVariance(sums: Sums, step: number): void;
}

export function prepareGradient(network: Network, credits: readonly Credit[]): Gradient {
  const { backend } = network;
  const batchSize = credits[0].g.rows;
  const layers = network.layers.map((layer): LayerGradient => {
    const block = backend.matrix(1, layer.block.columns);
    let offset = 0;
    const weights = layer.parents.map((edge) => {
      const { rows, columns } = edge.weights;
      const into = backend.view(block, offset, rows, columns);
      offset += rows * columns;
      return { edge, into };
    });
    return {
      layer,
      credits: credits.filter((credit) => credit.layer === layer),
      block,
      weights,
      bias: backend.view(block, offset, 1, layer.width),
    };
  });
  const creditDots = backend.matrix(batchSize, 1);
  const inputDots = backend.matrix(batchSize, 1);
  const moments = backend.matrix(batchSize, 1);

  return {
    blocks: layers.map(({ block }) => block),

    compute() {
      for (const { credits, weights, bias } of layers) {
        credits.forEach(({ g, trace }, term) => {
          for (const { edge, into } of weights) {
            backend.outerProduct(shown(trace, edge.from), edge.coding, g, into, term > 0);
          }
          backend.columnMeans(g, bias, term > 0);
        });
      }
    },

    addVariance(sums, step) {
      for (const { layer, credits, block } of layers) {
        backend.fill(moments, 0);
        for (const one of credits) {
          for (const other of credits) {
            backend.rowDots(one.g, other.g, "real", creditDots, false);
            backend.fill(inputDots, 1);
            for (const edge of layer.parents) {
              const [x, y] = [shown(one.trace, edge.from), shown(other.trace, edge.from)];
              backend.rowDots(x, y, edge.coding, inputDots, true);
            }
            backend.multiplyAdd(creditDots, inputDots, moments);
          }
        }
        backend.addVariance(moments, block, sums, 2 * layer.index, step);
      }
    },
  };
}
