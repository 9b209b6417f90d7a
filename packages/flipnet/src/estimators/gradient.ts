/**
 * From credits to parameter gradients, the same for every estimator. A unit's logit is linear in its parents, so
 * `dW = mean_b x[b] (x) g[b]` and `dc = mean_b g[b]`. The variance over the batch of the per-example gradient, summed
 * over a layer's parameters, is
 *
 *     mean_b |g_b (x) (x_b, 1)|^2 - |dW|^2 - |dc|^2,    |g (x) (x, 1)|^2 = |g|^2 (|x|^2 + 1),
 *
 * and with two terms an example, (g1, x1) and (g2, x2), the squared norm gains 2 (g1 . g2) (x1 . x2 + 1). Where several
 * rows are of one example, samples of one image say, its gradient is their mean, and the squared norm the mean over all
 * pairs of its rows: each row is held against every one of them in turn. No per-example gradient is ever formed.
 */
import type { Backend, Indices, Matrix, Sums } from "../backend/backend.ts";
import { isWhole } from "../formats/whole.ts";
import type { Edge, Linear } from "../network/network.ts";
import { type Credit, codingOf, shown } from "../network/pass.ts";

interface LinearGradient {
  readonly linear: Linear;
  readonly credits: readonly Credit[];
  /** [1, n], laid out as the block of parameters. */
  readonly block: Matrix;
  readonly weights: readonly { readonly edge: Edge; readonly into: Matrix }[];
  readonly bias: Matrix;
}

/** Gradients of linear maps, from the credits of an estimator. */
export interface Gradient {
  /** One block for each linear map, laid out as its parameters. Uphill. */
  readonly blocks: readonly Matrix[];
  /** Computes the blocks from the credits as they stand. */
  compute(): void;
  /**
   * Adds the gradient variance of each that is measured, summed over its parameters (population variance over the
   * batch, D-11), to `sums[2 * place]`. Notes in `sums[2 * place + 1]` the first step where that, or a credit of one
   * that is not measured, was not finite.
   */
  addVariance(sums: Sums, step: number): void;
}

/** Which rows of a batch are of one example. */
export interface Examples {
  /** How many are. */
  readonly rows: number;
  /** Rows from one of them to the next; default 1, side by side. */
  readonly stride?: number;
}

/**
 * The gradient of `linears`, each of which has one credit or more; the variance of the first `measured` of them.
 *
 * @param examples default: every row is an example of its own
 */
export function prepareGradient(
  backend: Backend,
  linears: readonly Linear[],
  credits: readonly Credit[],
  measured = linears.length,
  examples: Examples = { rows: 1 },
): Gradient {
  const batchSize = credits[0].g.rows;
  const gradients = linears.map((linear): LinearGradient => {
    const block = backend.matrix(1, linear.block.columns);
    let offset = 0;
    const weights = linear.parents.map((edge) => {
      const { rows, columns } = edge.weights;
      const into = backend.view(block, offset, rows, columns);
      offset += rows * columns;
      return { edge, into };
    });
    return {
      linear,
      credits: credits.filter((credit) => credit.linear === linear),
      block,
      weights,
      bias: backend.view(block, offset, 1, linear.width),
    };
  });
  /** Credits of columns that stay 0. */
  const idle = credits.flatMap(({ g, linear: { fixed = [] } }) =>
    fixed.flatMap((column) =>
      Array.from({ length: batchSize }, (_, row) => backend.view(g, row * g.columns + column, 1, 1)),
    ),
  );
  const creditDots = backend.matrix(batchSize, 1);
  const inputDots = backend.matrix(batchSize, 1);
  const moments = backend.matrix(batchSize, 1);
  const others = prepareOthers(backend, batchSize, examples);

  return {
    blocks: gradients.map(({ block }) => block),

    compute() {
      for (const place of idle) backend.fill(place, 0);
      for (const { credits, weights, bias } of gradients) {
        credits.forEach(({ g, pass }, term) => {
          for (const { edge, into } of weights) {
            backend.outerProduct(shown(pass, edge.from), codingOf(pass, edge), g, into, term > 0);
          }
          backend.columnMeans(g, bias, term > 0);
        });
      }
    },

    addVariance(sums, step) {
      for (let place = 0; place < gradients.length; place++) {
        const { linear, credits, block } = gradients[place];
        if (place >= measured) {
          for (const { g } of credits) backend.checkFinite(g, sums, 2 * place + 1, step);
          continue;
        }
        backend.fill(moments, 0);
        for (const other of others) {
          for (const one of credits) {
            for (const two of credits) {
              backend.rowDots(one.g, other(two.g), "real", creditDots, false);
              backend.fill(inputDots, 1);
              for (const edge of linear.parents) {
                const [x, y] = [shown(one.pass, edge.from), other(shown(two.pass, edge.from))];
                backend.rowDots(x, y, edge.coding, inputDots, true);
              }
              backend.multiplyAdd(creditDots, inputDots, moments);
            }
          }
        }
        if (others.length > 1) backend.addScaled(moments, 1 / others.length - 1, moments);
        backend.addVariance(moments, block, sums, 2 * place, step);
      }
    },
  };
}

/**
 * For every place among an example's rows, what takes a matrix to the same with each row replaced by the row so many
 * places on in its example: the first one leaves it as it is.
 */
function prepareOthers(
  backend: Backend,
  batchSize: number,
  { rows, stride = 1 }: Examples,
): readonly ((m: Matrix) => Matrix)[] {
  const block = rows * stride;
  if (!(isWhole(block, 1) && batchSize % block === 0)) {
    throw new RangeError(`${batchSize} rows make no examples of ${rows} rows that are ${stride} apart`);
  }
  const itself = (m: Matrix) => m;
  const room = new Map<number, Matrix>();
  const shifted = (order: Indices) => (m: Matrix) => {
    const out = room.get(m.columns) ?? backend.matrix(batchSize, m.columns);
    room.set(m.columns, out);
    backend.gatherRows(m, order, 0, out);
    return out;
  };
  return Array.from({ length: rows }, (_, shift) => {
    if (shift === 0) return itself;
    const order = backend.indices(batchSize);
    const places = Array.from({ length: batchSize }, (_, row) => {
      const within = row % block;
      return row - within + ((within + shift * stride) % block);
    });
    backend.writeIndices(order, places);
    return shifted(order);
  });
}
