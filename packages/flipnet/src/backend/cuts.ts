/**
 * How kernels are cut into slices that threads work on at once. A slice is the same kernel on some rows of its
 * operands, and no element of a result is formed out of more than one slice: so it is formed by the same operations
 * in the same order, however many threads there are.
 *
 * An entry has the addresses that a kernel takes, by name, with their shapes. The kernel is cut along one of these
 * letters, which is an argument of it too: a slice gets its share; an operand whose shape has that letter moves on by
 * what follows it in the shape; `first` is where the slice starts; each thread has a `scratch` of its own. A null
 * address stays one. Where these arguments stand, the kernel itself says. Kernels that are not here do little, or add up
 * over what could be cut: the first thread runs them alone.
 */
import { type Kernels, signatures } from "./generated/kernels.ts";

/** How one kernel is cut; whole numbers are places in its list of arguments. */
export interface Cut {
  readonly kernel: keyof Kernels;
  /** What is cut. */
  readonly count: number;
  /** Slices start at multiples of it: pairs of rows, vectors, blocks of random numbers. */
  readonly step: number;
  /** Addresses that move with the slice, and the arguments whose product is how many floats they move by. */
  readonly moving: readonly { readonly address: number; readonly by: readonly number[] }[];
  /** -1 where there is none. */
  readonly first: number;
  readonly scratch: number;
  /** Arguments whose product says how much work there is. */
  readonly size: readonly number[];
}

/** Letter, step and shapes. */
type Rule = readonly [along: string, step: number, shapes: string];

function cut(kernel: keyof Kernels, [along, step, shapes]: Rule): Cut {
  const names = signatures[kernel].split(" ").map((parameter) => parameter.split(":")[0]);
  const place = (name: string): number => {
    const found = names.indexOf(name);
    if (found < 0) throw new Error(`the kernel ${kernel} takes no ${name}`);
    return found;
  };
  const operands = shapes.split(" ").map((operand) => {
    const [name, shape] = operand.split(/[[\]]/);
    return { address: place(name), shape: shape.split(",") };
  });
  const moving = operands.flatMap(({ address, shape }) => {
    const axis = shape.indexOf(along);
    return axis < 0 ? [] : [{ address, by: shape.slice(axis + 1).map(place) }];
  });
  return {
    kernel,
    count: place(along),
    step,
    moving,
    first: names.indexOf("first"),
    scratch: names.indexOf("scratch"),
    size: [...new Set(operands.flatMap(({ shape }) => shape))].map(place),
  };
}

/** Cache lines: two threads do not write to one. */
const elements = (shapes: string): Rule => ["n", 16, shapes];
/** Pairs, which the products take together. */
const examples = (shapes: string): Rule => ["B", 2, shapes];
const units = (shapes: string): Rule => ["units", 1, shapes];
/** Vectors. */
const inputs = (shapes: string): Rule => ["I", 4, shapes];

const rules: { readonly [kernel in keyof Kernels]?: Rule } = {
  // data
  binarise: examples("order[B] out[B,I]"),
  gatherRows: examples("order[B] out[B,I]"),
  uniforms: ["n", 32, "out[n]"],
  fairBits: ["n", 1024, "out[n]"],
  addressedBit: examples("bits[B,I] out[B]"),

  // products
  broadcast: examples("out[B,J]"),
  dense: examples("x[B,I] weights[I,J] out[B,J]"),
  productBits: examples("x[B,I] weights[I,J] out[B,J]"),
  transposedProduct: examples("g[B,J] weights[I,J] out[B,I]"),
  outerProduct: inputs("x[B,I] g[B,J] out[I,J]"),
  outerProductBits: inputs("x[B,I] g[B,J] out[I,J]"),
  rowDots: examples("a[B,I] b[B,I] out[B]"),

  // convolutions
  convolve: examples("x[B,height,width,C] out[B,outHeight,outWidth,J]"),
  convolveBack: examples("g[B,outHeight,outWidth,J] out[B,height,width,C]"),
  convolutionGradient: ["rows", 2, "x[B,height,width,C] g[B,outHeight,outWidth,J] out[rows,J]"],
  rectifierGradient: elements("y[n] g[n]"),

  // units
  sigmoid: elements("logits[n] p[n] q[n]"),
  softmax: units("logits[units,N] p[units,N]"),
  choiceOdds: units("logits[units,N] out[units,N]"),
  sampleBernoulli: elements("p[n] uniforms[n] bits[n]"),
  sampleAntithetic: elements("p[n] uniforms[n] bits1[n] bits2[n]"),
  sampleCategorical: units("p[units,N] uniforms[units] bits[units,N]"),

  // counterfactuals
  flipTables: ["rows", 4, "weights[I,J]"],
  flips: examples(
    "bits[B,I] weights[I,J] logits[B,J] p[B,J] q[B,J] childBits[B,J] likelihoods[B,I] entropies[B,I]",
  ),
  flipMeans: examples("bits[B,I] weights[I,J] logits[B,J] p[B,J] q[B,J] value[B,J] out[B,I]"),
  flipSoftmax: examples("bits[B,I] weights[I,J] logits[B,J] p[B,J] childBits[B,J] out[B,I]"),
  switches: examples("bits[B,I] weights[I,J] logits[B,J] p[B,J] q[B,J] childBits[B,J] out[B,I]"),
  switchSoftmax: examples("bits[B,I] weights[I,J] logits[B,J] p[B,J] childBits[B,J] out[B,I]"),
  mixtureLikelihood: examples("delta[B,I] odds[B] bits[B,I] out[B,I]"),
  posteriorMinusPrior: elements("p[n] q[n] delta[n] out[n]"),
  unstoppedGradient: elements("s[n] q[n] out[n]"),
  score: elements("bits[n] p[n] q[n] out[n]"),
  choiceScore: units("bits[units,N] p[units,N] out[units,N]"),
  choicePosteriorMinusPrior: units("p[units,N] delta[units,N] out[units,N]"),

  // rules of the Weight Maximization paper
  rewardedScore: elements("a[n] p[n] q[n] bits[n] out[n]"),
  betterOutcome: elements("a[n] p[n] q[n] bits[n] out[n]"),
  meanSlope: elements("a[n] p[n] q[n] out[n]"),
  softmaxSlope: units("p[units,N] a[units,N] out[units,N]"),
  productFormScore: elements("bits[n] q[n] delta[n] out[n]"),
  signedPower: elements("a[n] out[n]"),
  normChange: examples("bits[B,I] g[B,J] weights[I,J] out[B,I]"),
  betterAction: examples("bits[B,J] reward[B] better[B,J] weight[B]"),

  // known functions
  logLikelihood: examples("logits[B,J] p[B,J] q[B,J] bits[B,J] out[B]"),
  entropy: examples("logits[B,J] p[B,J] q[B,J] out[B]"),
  addEntropyGradient: elements("logits[n] p[n] q[n] g[n]"),
  choiceLogLikelihood: examples("logits[B,J] bits[B,J] out[B]"),
  choiceEntropy: examples("logits[B,J] out[B]"),
  addChoiceDifferences: units("a[units,N] bits[units,N] out[units,N]"),
  entropyDifferences: examples("bits[B,I] weights[I,J] logits[B,J] p[B,J] q[B,J] out[B,I]"),
  localExpectation: elements("p[n] q[n] difference[n] out[n]"),
  addHindsight: examples("s[B,J] f[B] q[B,J] bits[B,J] difference[B,J] out[B,J]"),

  // elementwise
  fill: elements("m[n]"),
  copy: elements("a[n] out[n]"),
  maximum: elements("a[n] b[n] out[n]"),
  multiply: elements("a[n] b[n] out[n]"),
  subtract: elements("a[n] b[n] out[n]"),
  scaleRows: examples("a[B,J] s[B] out[B,J]"),
  multiplyAdd: elements("a[n] b[n] out[n]"),
  addScaled: elements("a[n] out[n]"),

  // optimizers
  adam: elements("w[n] g[n] m[n] v[n]"),
};

/** The kernels that are cut. */
export const cuts: readonly Cut[] = Object.entries(rules).map(([kernel, rule]) =>
  cut(kernel as keyof Kernels, rule),
);
