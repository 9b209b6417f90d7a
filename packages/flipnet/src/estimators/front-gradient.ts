/**
 * From credits to the gradient of a front end's parameters. A layer that is linear in the features hands its credit on
 * through its weights, `dJ/dx = sum_j W_ij g_j`; one that takes them as its logits hands it on as it is. The front end
 * does the rest (HNCA paper, appendix F).
 *
 * Its per-example gradients have no short cut as a linear map's have: where their variance is asked for, every example
 * goes through the front end by itself, which costs about as much as the batch did.
 */
import type { Matrix, Sums } from "../backend/backend.ts";
import type { FrontPass } from "../front-ends/front-end.ts";
import type { Credit, Pass } from "../network/pass.ts";

/** The gradient of a front end's parameters. */
export interface FrontGradient {
  /** One for each of its parameters, laid out as its block. Uphill. */
  readonly blocks: readonly Matrix[];
  /** The credits of layers that the front end feeds. */
  readonly credits: readonly Credit[];
  /** Computes the blocks from the credits as they stand. */
  compute(): void;
  /**
   * Adds the population variance over the batch of each block's per-example gradient, summed over its parameters, to
   * `sums[first + 2 i]`, and notes a number that is not finite in `sums[first + 2 i + 1]`, as `Gradient.addVariance` does.
   */
  addVariance(sums: Sums, first: number, step: number): void;
  /** Notes the same and measures nothing. */
  checkFinite(sums: Sums, first: number, step: number): void;
}

/** The gradient of the front end of the main pass, given all credits of an estimator. */
export function prepareFrontGradient(pass: Pass, front: FrontPass, all: readonly Credit[]): FrontGradient {
  const { network, batchSize, input } = pass;
  const { backend } = network;
  const blocks = front.gradients;
  const credits = all.filter(({ linear }) => linear.addsInput || linear.parents.some(({ from }) => from < 0));
  const credit = backend.matrix(batchSize, front.output.columns);
  let examples: ReturnType<typeof prepareExamples> | undefined;

  /** A batch of one example for the whole front end, and where each example stands. */
  function prepareExamples() {
    const one = backend.matrix(1, input.columns);
    const rowsOf = (m: Matrix) =>
      Array.from({ length: batchSize }, (_, b) => backend.view(m, b * m.columns, 1, m.columns));
    const frontPass = network.front!.prepare(one);
    const moments = blocks.map(() => backend.matrix(batchSize, 1));
    const inputs = rowsOf(input);
    const norms = moments.map(rowsOf);
    return { frontPass, one, inputs, credits: rowsOf(credit), moments, norms };
  }

  return {
    blocks,
    credits,
    compute() {
      backend.fill(credit, 0);
      for (const { linear, g } of credits) {
        if (linear.addsInput) backend.addScaled(g, 1, credit);
        for (const { from, weights } of linear.parents) {
          if (from < 0) backend.transposedProduct(g, weights, credit, true);
        }
      }
      front.backward(credit);
    },
    addVariance(sums, first, step) {
      examples ??= prepareExamples();
      const { frontPass, one, inputs, credits, moments, norms } = examples;
      for (let b = 0; b < batchSize; b++) {
        backend.copy(inputs[b], one);
        frontPass.forward();
        frontPass.backward(credits[b]);
        for (let i = 0; i < blocks.length; i++) {
          const gradient = frontPass.gradients[i];
          backend.rowDots(gradient, gradient, "real", norms[i][b], false);
        }
      }
      for (let i = 0; i < blocks.length; i++) {
        backend.addVariance(moments[i], blocks[i], sums, first + 2 * i, step);
      }
    },
    checkFinite(sums, first, step) {
      for (let i = 0; i < blocks.length; i++) backend.checkFinite(blocks[i], sums, first + 2 * i + 1, step);
    },
  };
}
