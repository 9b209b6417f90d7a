/**
 * How kernels are cut into slices that threads work on at once. A slice is the same kernel on some rows of its
 * operands, and no element of a result is formed out of more than one slice: so it is formed by the same operations
 * in the same order, however many threads there are.
 *
 * An entry is a kernel's arguments by name, with their shapes. The kernel is cut along one of these letters, which is
 * an argument too: a slice gets its share of it; an operand whose shape has that letter moves on by what follows it in
 * the shape; `first` is where the slice starts; each thread has a `scratch` of its own. A null address stays one.
 * Kernels that are not here do little, or add up over what could be cut: the first thread runs them alone.
 */

/** How one kernel is cut; whole numbers are places in its list of arguments. */
export interface Cut {
  /** Names of the arguments. */
  readonly names: readonly string[];
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

function cut(along: string, step: number, list: string): Cut {
  const parameters = list.split(" ").map((parameter) => {
    const [name, shape = ""] = parameter.split(/[[\]]/);
    return { name, shape: shape.split(",").filter(Boolean) };
  });
  const place = (name: string) => parameters.findIndex((parameter) => parameter.name === name);
  const moving = parameters.flatMap(({ shape }, address) => {
    const axis = shape.indexOf(along);
    return axis < 0 ? [] : [{ address, by: shape.slice(axis + 1).map(place) }];
  });
  const letters = new Set(parameters.flatMap(({ shape }) => shape));
  return {
    names: parameters.map(({ name }) => name),
    count: place(along),
    step,
    moving,
    first: place("first"),
    scratch: place("scratch"),
    size: [...letters].map(place),
  };
}

/** Cache lines: two threads do not write to one. */
const elements = (list: string) => cut("n", 16, list);
/** Pairs, which the products take together. */
const examples = (list: string) => cut("B", 2, list);
const units = (list: string) => cut("units", 1, list);
/** Vectors. */
const inputs = (list: string) => cut("I", 4, list);

export const cuts: Readonly<Record<string, Cut>> = {
  // data
  binarise: examples("images order[B] k0 k1 out[B,I] B I"),
  gatherRows: examples("source order[B] out[B,I] B I"),
  uniforms: cut("n", 32, "k0 k1 out[n] first n"),
  fairBits: cut("n", 1024, "k0 k1 out[n] first n"),
  addressedBit: examples("bits[B,I] k out[B] B I"),

  // products
  broadcast: examples("bias out[B,J] B J"),
  dense: examples("x[B,I] weights[I,J] out[B,J] B I J"),
  productBits: examples("x[B,I] weights[I,J] out[B,J] B I J plusMinus scratch"),
  transposedProduct: examples("g[B,J] weights[I,J] out[B,I] B I J accumulate"),
  outerProduct: inputs("x[B,I] pitch g[B,J] out[I,J] B I J accumulate scratch"),
  outerProductBits: inputs("x[B,I] pitch g[B,J] out[I,J] B I J accumulate plusMinus scratch"),
  rowDots: examples("a[B,I] b[B,I] out[B] B I plusMinus accumulate"),

  // convolutions
  convolve: examples(
    "x[B,height,width,C] weights bias out[B,outHeight,outWidth,J] B height width C outHeight outWidth J",
  ),
  convolveBack: examples(
    "g[B,outHeight,outWidth,J] weights out[B,height,width,C] B height width C outHeight outWidth J scratch",
  ),
  convolutionGradient: cut(
    "rows",
    2,
    "x[B,height,width,C] g[B,outHeight,outWidth,J] out[rows,J] first rows B height width C outHeight outWidth J",
  ),
  rectifierGradient: elements("y[n] g[n] n"),

  // units
  sigmoid: elements("logits[n] p[n] q[n] n"),
  softmax: units("logits[units,N] p[units,N] units N"),
  sampleBernoulli: elements("p[n] uniforms[n] bits[n] n"),
  sampleAntithetic: elements("p[n] uniforms[n] bits1[n] bits2[n] n"),
  sampleCategorical: units("p[units,N] uniforms[units] bits[units,N] units N"),

  // counterfactuals
  flipTables: cut("rows", 4, "weights[I,J] tables steps first rows I J k"),
  flips: examples(
    "bits[B,I] tables steps weights[I,J] logits[B,J] p[B,J] q[B,J] childBits[B,J] likelihoods[B,I] addLikelihoods " +
      "entropies[B,I] addEntropies B I J k scratch",
  ),
  flipSoftmax: examples(
    "bits[B,I] tables weights[I,J] logits[B,J] p[B,J] childBits[B,J] out[B,I] B I J N k accumulate scratch",
  ),
  switches: examples(
    "bits[B,I] tables weights[I,J] logits[B,J] p[B,J] q[B,J] childBits[B,J] out[B,I] B I N J accumulate scratch",
  ),
  switchSoftmax: examples(
    "bits[B,I] tables weights[I,J] logits[B,J] p[B,J] childBits[B,J] out[B,I] B I N J K accumulate scratch",
  ),
  posteriorMinusPrior: elements("p[n] q[n] delta[n] out[n] n"),
  unstoppedGradient: elements("s[n] q[n] out[n] n"),
  choicePosteriorMinusPrior: units("p[units,N] delta[units,N] out[units,N] units N"),

  // rules of the Weight Maximization paper
  rewardedScore: elements("a[n] plusMinus p[n] q[n] bits[n] out[n] n"),
  betterOutcome: elements("a[n] p[n] q[n] bits[n] rewarded punished out[n] n"),
  meanSlope: elements("a[n] p[n] q[n] factor out[n] n"),
  softmaxSlope: units("p[units,N] a[units,N] out[units,N] units N"),
  productFormScore: elements("bits[n] q[n] delta[n] out[n] n"),
  signedPower: elements("a[n] exponent factor out[n] n"),
  normChange: examples("bits[B,I] plusMinus g[B,J] weights[I,J] out[B,I] B I J norm rate accumulate"),
  rewardPenalty: examples("bits[B,J] p[B,J] reward[B] rewarded punished out[B,J] B J"),

  // known functions
  logLikelihood: examples("logits[B,J] p[B,J] q[B,J] bits[B,J] out[B] B J"),
  entropy: examples("logits[B,J] p[B,J] q[B,J] out[B] B J"),
  addEntropyGradient: elements("logits[n] p[n] q[n] g[n] n"),
  choiceLogLikelihood: examples("logits[B,J] bits[B,J] out[B] B J N"),
  choiceEntropy: examples("logits[B,J] out[B] B J N"),
  addChoiceDifferences: units("a[units,N] bits[units,N] out[units,N] units N"),
  entropyDifferences: examples(
    "bits[B,I] tables weights[I,J] logits[B,J] p[B,J] q[B,J] out[B,I] B I N J K k accumulate scratch",
  ),
  localExpectation: elements("p[n] q[n] difference[n] out[n] n"),
  addHindsight: examples("s[B,J] f[B] q[B,J] bits[B,J] difference[B,J] out[B,J] B J"),

  // elementwise
  fill: elements("m[n] value n"),
  copy: elements("a[n] out[n] n"),
  maximum: elements("a[n] b[n] out[n] n"),
  multiply: elements("a[n] b[n] out[n] n"),
  subtract: elements("a[n] b[n] out[n] n"),
  scaleRows: examples("a[B,J] s[B] out[B,J] B J"),
  multiplyAdd: elements("a[n] b[n] out[n] n"),
  addScaled: elements("a[n] factor out[n] n"),

  // optimizers
  adam: elements("w[n] g[n] m[n] v[n] n c1 c2 rate epsilon"),
};
