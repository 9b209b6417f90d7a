/**
 * The exact ELBO and its gradient, by differentiating the sum over everything that can happen:
 *
 *     J = mean over images of sum_h q(h | image) (log p(image | h) + w (log p(h) - log q(h | image))).
 *
 * `w` is 1 but where a KL divergence warms up.
 *
 * It follows the encoder unit by unit, as the exact gradient of a bandit does: no score, no baseline, no estimator, no
 * formula for an entropy, and none of the backend's operations.
 */
import { dot, logSigmoid, logSoftmax, sigmoid } from "./arithmetic.ts";
import type { Elbo } from "./elbo-spec.ts";
import { addSlope, zeros } from "./exact.ts";
import type { LayerValues } from "./layout.ts";

export interface ExactElbo {
  elbo: number;
  /** The gradient, each laid out as in `Elbo`. */
  encoder: LayerValues[];
  decoder: LayerValues[];
  prior: LayerValues;
}

/** Number of ways in which images and units can come out. */
export const countElboStates = ({ network, images }: Elbo): number =>
  network.layers.reduce((product, { units, choices = 2 }) => product * choices ** units, images.length);

const logitsOf = ({ weights, bias }: LayerValues, x: readonly number[]): number[] =>
  weights.map((row, j) => bias[j] + dot(row, x));

/** @param visited called after each state */
export function exactElbo(
  { network, encoder, decoder, prior, images, klWeight }: Elbo,
  visited: () => void = () => {},
): ExactElbo {
  const top = encoder.length;
  const gradient = {
    encoder: encoder.map(zeros),
    decoder: decoder.map(zeros),
    prior: zeros(prior),
  };
  /** Along the way that is being followed: the image, what each layer did; what each layer reads, and its logits. */
  const values: number[][] = [];
  const inputs: number[][] = [];
  const logits: number[][] = [];

  /** How many columns a unit of `values[l]` has: 1 for pixels and Bernoulli units. */
  const choicesOf = (l: number): number => (l === 0 ? 1 : (network.layers[l - 1].choices ?? 1));

  /** What `log p(values[l] | what is above)` counts, the image being 0; adds its slopes, which happen with probability `reach`. */
  function predict(l: number, reach: number): number {
    const [linear, slopes, x] =
      l === top ? [prior, gradient.prior, []] : [decoder[l], gradient.decoder[l], values[l + 1]];
    const predicted = logitsOf(linear, x);
    const choices = choicesOf(l);
    const weight = l === 0 ? 1 : klWeight;
    let sum = 0;
    for (let j = 0; j < predicted.length; j += choices) {
      const logs = choices === 1 ? [logSigmoid(predicted[j])] : logSoftmax(predicted.slice(j, j + choices));
      logs.forEach((log, k) => {
        const on = values[l][j + k] === 1;
        if (on) sum += log;
        else if (choices === 1) sum += logSigmoid(-predicted[j]);
        addSlope(slopes, j + k, x, weight * reach * ((on ? 1 : 0) - Math.exp(log)));
      });
    }
    return weight * sum;
  }

  function startLayer(l: number): void {
    const { parents = [l === 0 ? "input" : l - 1] } = network.layers[l];
    inputs[l] = parents.flatMap((from) => values[from === "input" ? 0 : from + 1]);
    logits[l] = logitsOf(encoder[l], inputs[l]);
  }

  /**
   * Expectation of what is still to come, once all units before column `j` of layer `l` have
   * come out, which has the probability `reach`. On the way back, adds what this unit's law contributes to the gradient.
   */
  function follow(l: number, j: number, reach: number): number {
    if (l === top) {
      visited();
      return values.reduce((sum, _, level) => sum + predict(level, reach), 0);
    }
    if (j === encoder[l].bias.length) return follow(l + 1, 0, reach);
    if (j === 0) startLayer(l);
    const choices = choicesOf(l + 1);
    if (choices === 1) {
      const logit = logits[l][j];
      const worth = [0, 1].map((bit) => {
        const t = bit === 1 ? logit : -logit;
        values[l + 1][j] = bit;
        return follow(l, j + 1, reach * sigmoid(t)) - klWeight * logSigmoid(t);
      });
      const [q, p] = [sigmoid(-logit), sigmoid(logit)];
      addSlope(gradient.encoder[l], j, inputs[l], reach * p * q * (worth[1] - worth[0]));
      return q * worth[0] + p * worth[1];
    }
    const logs = logSoftmax(logits[l].slice(j, j + choices));
    const worth = logs.map((log, choice) => {
      for (let k = 0; k < choices; k++) values[l + 1][j + k] = k === choice ? 1 : 0;
      return follow(l, j + choices, reach * Math.exp(log)) - klWeight * log;
    });
    const expected = logs.reduce((sum, log, k) => sum + Math.exp(log) * worth[k], 0);
    logs.forEach((log, k) => {
      addSlope(gradient.encoder[l], j + k, inputs[l], reach * Math.exp(log) * (worth[k] - expected));
    });
    return expected;
  }

  let elbo = 0;
  for (const image of images) {
    values.splice(0, values.length, [...image], ...encoder.map(({ bias }) => bias.map(() => 0)));
    elbo += follow(0, 0, 1 / images.length) / images.length;
  }
  return { elbo, ...gradient };
}
