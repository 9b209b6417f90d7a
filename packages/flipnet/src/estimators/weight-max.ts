/**
 * Weight Maximization (Chung 2020): a hidden unit's reward is by how much its outgoing weights grow when its children
 * learn. The output unit learns by REINFORCE; then, layer by layer towards the input, with `x_i` what unit `i` shows,
 * `W` the weights to its children and `dW_ij = x_i d_j` their update on this example,
 *
 *     R_i = 2 sum_j dW_ij W_ij = 2 x_i sum_j W_ij d_j                     (equation 15; norm 2)
 *     R_i = (|W_i + rate dW_i|^2 - |W_i|^2) / rate                        (equation 12: `normChange: "exact"`)
 *
 * and `d_i`, the unit's own update, follows by its `hiddenRule`, `h = 2 bit - 1`, of {-1,+1} units:
 *
 *     "reinforce"        R_i (h - E h)                                    (16)
 *     "direct-gradient"  2 R_i h dE[h]/dl, as the other outcome would earn -R_i: straight-through, by theorem 2   (20)
 *     "classification"   |R_i| (sgn(R_i) h - E h), towards the better outcome                                     (21)
 *     "reward-penalty"   (1 - lambda) times the first + lambda times the third                       (section 4.2)
 *
 * A {0,1} unit shows and learns by its bit, `bit - p` in place of `h - E h`; off, it earns nothing, so where a rule
 * asks for the other outcome it is what being on earns, or would have.
 *
 * Biased; `E[d]` tends to `paperScale` times the gradient as the weights above get small (theorem 1). The papers'
 * factors, 2 for a {-1,+1} output unit and then 4 a layer (2 of {0,1} units), are kept out of the credit `g`: written
 * with it, `a_i = sum_j W_ij g_j` is what being on earns, and REINFORCE is `g_i = a_i x_i (bit - p)`. Layers with
 * several children sum over them. Rewards are formed example by example, at the weights before the update.
 *
 * Cost beside the forward pass: one product with the weights transposed, as in backpropagation.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Layer, Network } from "../network/network.ts";
import { defineEstimator, type OwnSignals, type Scores } from "./estimator.ts";
import { lambdaOption, requireLambda } from "./lambda.ts";
import { number, oneOf, only, rates, type ValuesOf } from "./options.ts";
import { prepareSinglePass } from "./single-pass.ts";

const weightMaxOptions = {
  hiddenRule: oneOf(["reinforce", "direct-gradient", "classification", "reward-penalty"], {
    default: "reinforce",
    says: "how hidden units learn from the reward that each gets",
  }),
  lambda: only({ hiddenRule: "reward-penalty" }, lambdaOption),
  /** Mixture: in the paper's words; analogue: equation 6. */
  penalty: only(
    { hiddenRule: "reward-penalty" },
    oneOf(["mixture", "analogue"], {
      default: "mixture",
      says: "a mixture of the rules of REINFORCE and of classification, or the analogue of the rule for one unit, weighted by the reward",
    }),
  ),
  norm: number({ from: 1, default: 2, says: "the p of the p-norm whose change is the reward" }),
  normChange: oneOf(["approximate", "exact"], {
    default: "approximate",
    says: "the norm's change to first order (equation 15), or the change itself (equation 12)",
  }),
  normRate: only(
    { normChange: "exact" },
    rates({ says: "the rate of the change, one or one a layer; in the paper the learning rate" }),
  ),
};

type WeightMaxOptions = ValuesOf<typeof weightMaxOptions>;

/** `R_i = 2 x_i sum_j W_ij d_j`, then a rule for one unit: Weight Maximization paper, equations 12 to 21. */
export const weightMax = defineEstimator({
  name: "weight-max",
  title: "Weight Maximization",
  paper: "Chung 2020 (Weight Maximization paper), equations 12 to 21",
  unbiased: false,
  why: "a unit's reward is its children's learning to first order in the weights, as in backpropagation",
  needs: { knows: ["reward"], bernoulli: "hidden" },
  baseline: true,
  cost: "forward pass + one transposed product",
  options: weightMaxOptions,
  variants: [
    { name: "weight-max-reinforce", hiddenRule: "reinforce" },
    { name: "weight-max-direct-gradient", hiddenRule: "direct-gradient" },
    { name: "weight-max-classification", hiddenRule: "classification" },
    { name: "weight-max-reward-penalty", hiddenRule: "reward-penalty", lambda: 0.1 },
  ],

  prepare(problem, options) {
    const { network } = problem;
    const { layers } = network;
    const scales = weightMaxScales(network, options);
    const { pass, credits, signals, score, weigh, signal, estimator } = prepareSinglePass(problem);
    const g = credits.map((credit) => credit.g);
    const slopes = prepareSlopes(network, options);
    const earn = prepareReward(network, options, pass.layers, g, scales, slopes);
    const learn = prepareRule(network, options, pass.batchSize);
    const output = layers[layers.length - 1];
    const hidden = layers.slice(0, -1).reverse();
    /** Without a signal: for one of 1. */
    function backpropagate(signal?: Matrix): void {
      score(output, g[output.index]);
      if (signal !== undefined) weigh(g[output.index], signal);
      for (const layer of hidden) {
        // First what being on earns, then what the unit makes of it.
        earn(layer, g[layer.index]);
        learn(pass.layers[layer.index], g[layer.index]);
      }
    }
    const isLinear =
      options.normChange === "approximate" && ["reinforce", "direct-gradient"].includes(options.hiddenRule);
    const scores: Scores = {
      score: () => backpropagate(),
      signal,
      weigh: (signal) => {
        for (const one of g) weigh(one, signal);
      },
    };
    const own: OwnSignals = {
      score() {
        for (const layer of layers) score(layer, g[layer.index]);
      },
      earn: (weights, change, out, accumulate) =>
        network.backend.rowDots(slopes(weights), change, "real", out, accumulate),
    };
    const prepared = estimator(() => backpropagate(signals.of(output)), isLinear ? scores : undefined);
    return {
      ...prepared,
      ...(options.hiddenRule === "reinforce" && options.normChange === "approximate" && { own }),
      credits: credits.map((credit, index) => ({ ...credit, paperScale: scales[index] })),
    };
  },
});

/**
 * By how much the paper's update of each layer is larger than its credit: 2 for a {-1,+1} output unit, else 1; then 4
 * times the children's for {-1,+1} units, 2 times for {0,1} (2 for both under the analogue of reward-penalty, which
 * learns from half of the rewards where lambda is 0). Null where children differ.
 */
export function weightMaxScales(
  { spec, layers }: Network,
  { hiddenRule, penalty }: Partial<WeightMaxOptions> = {},
): (number | null)[] {
  const analogue = hiddenRule === "reward-penalty" && penalty === "analogue";
  const signs = spec.units === "plus-minus";
  const scales: (number | null)[] = layers.map(({ kind }) => (signs && kind === "bernoulli" ? 2 : 1));
  for (const { index, children } of [...layers].reverse()) {
    const [first, ...others] = children.map(({ layer }) => scales[layer.index]);
    if (first === undefined) continue;
    const same = first !== null && others.every((scale) => scale === first);
    scales[index] = same ? first * (signs && !analogue ? 4 : 2) : null;
  }
  return scales;
}

/** Writes what being on earns each unit of a layer, over its own and its children's scale, into `a` [B, width]. */
function prepareReward(
  { backend, spec }: Network,
  { norm, normChange, normRate }: WeightMaxOptions,
  activities: readonly { readonly bits: Matrix }[],
  g: readonly Matrix[],
  scales: readonly (number | null)[],
  slopes: (weights: Matrix) => Matrix,
): (layer: Layer, a: Matrix) => void {
  if (normChange === "exact") {
    const rates = exactRates(normRate, scales);
    return ({ index, children }, a) => {
      children.forEach(({ layer: child, edge }, i) => {
        const { bits } = activities[index];
        const rate = rates[child.index];
        backend.normChange(bits, spec.units, g[child.index], edge.weights, norm, rate, a, i > 0);
      });
    };
  }
  return ({ children }, a) => {
    for (let i = 0; i < children.length; i++) {
      const { layer: child, edge } = children[i];
      backend.transposedProduct(g[child.index], slopes(edge.weights), a, i > 0);
    }
  };
}

/** How a p-norm changes with weights: d|w|^p = p sgn(w) |w|^(p - 1) dw; for the 2-norm 2 w dw, and half of that is the weight itself. */
function prepareSlopes({ backend }: Network, { norm }: WeightMaxOptions): (weights: Matrix) => Matrix {
  const tables = new Map<Matrix, Matrix>();
  return (weights) => {
    if (norm === 2) return weights;
    let table = tables.get(weights);
    if (table === undefined) {
      table = backend.matrix(weights.rows, weights.columns);
      tables.set(weights, table);
    }
    backend.signedPower(weights, norm - 1, norm / 2, table);
    return table;
  };
}

/** What the paper's learning rates come to for credits: the update `rate dW` is `rate scale x g`. */
function exactRates(normRate: number | readonly number[] | undefined, scales: readonly (number | null)[]) {
  if (normRate === undefined) {
    throw new InputError("the exact change of a norm needs the rate by which weights change; it is missing");
  }
  return scales.map((scale, layer) => {
    const rate = typeof normRate === "number" ? normRate : normRate[layer];
    if (rate === undefined) {
      throw new InputError(
        `there are ${(normRate as number[]).length} rates of the norm's change for ${scales.length} layers; expected one, or one a layer`,
      );
    }
    if (scale === null) {
      throw new InputError(
        `the children of layer ${layer} lie at different depths, where the exact change of a norm has no one scale`,
      );
    }
    return rate * scale;
  });
}

/** Turns what being on earns, in `g` [B, width], into the units' credits. */
function prepareRule(
  { backend, layers, spec: { units } }: Network,
  { hiddenRule, lambda, penalty }: WeightMaxOptions,
  rows: number,
): (activity: { bits: Matrix; p: Matrix; q: Matrix }, g: Matrix) => void {
  // dE[x]/dl is p q, twice that of {-1,+1} units.
  const step = units === "plus-minus" ? 2 : 1;
  switch (hiddenRule) {
    case "reinforce":
      return ({ bits, p, q }, g) => backend.rewardedScore(g, units, p, q, bits, g);
    case "direct-gradient":
      return ({ p, q }, g) => backend.meanSlope(g, p, q, step, g);
    case "classification":
      return ({ bits, p, q }, g) => backend.betterOutcome(g, p, q, bits, 1, 1, g);
  }
  const share = requireLambda(lambda);
  if (penalty === "analogue") {
    return ({ bits, p, q }, g) => backend.betterOutcome(g, p, q, bits, step, step * share, g);
  }
  // Room for the other rule's credit.
  const room = new Map(layers.map(({ width }) => [width, backend.matrix(rows, width)]));
  return ({ bits, p, q }, g) => {
    const other = room.get(g.columns)!;
    backend.betterOutcome(g, p, q, bits, share, share, other);
    backend.rewardedScore(g, units, p, q, bits, g);
    backend.addScaled(g, -share, g);
    backend.addScaled(other, 1, g);
  };
}
