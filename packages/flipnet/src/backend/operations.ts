/**
 * What every operation takes, in one table: the shapes of its operands, which of them it writes, and which hold bits. From
 * it `checked.ts` makes the checks that stand around a backend, and the tests walk it: whatever is said here of an operation
 * is tried on every backend. Its meaning stands in `backend.ts`, its arithmetic in `reference.ts`.
 *
 * An operand is `name[rows,columns]`, and what is neither a matrix nor a table nor an outcome is its name alone. Equal
 * letters are equal numbers; `choices`, `image`, `patch` and `places` come from operands that are numbers or windows.
 * `=` stands before what is written, `+` before what is written and read, `?` before what may be left out.
 * `bits` and `actions` hold bits, one-hot in groups where there are `choices`; `x:coded` holds bits unless its coding is
 * `real`; of an outcome `child:did` the bits are read, of another only its law.
 */
import type { Key } from "../random/threefry.ts";
import type { AdamStep, Backend, Bytes, Coding, FlipTables, Matrix, Outcome, Window } from "./backend.ts";

/** What a backend does that is no operation on operands. */
type Other =
  | "close"
  | "scope"
  | "matrix"
  | "view"
  | "bytes"
  | "indices"
  | "sums"
  | "expectBits"
  | "write"
  | "writeIndices"
  | "writeSums"
  | "read"
  | "readSums"
  | "flipTables";

/** The operations. */
export type Operation = Exclude<
  { [K in keyof Backend]: Backend[K] extends (...operands: never[]) => unknown ? K : never }[keyof Backend],
  Other
>;

/** How an operand of some type is described. */
type Described<P> = P extends Outcome | FlipTables | Matrix
  ? `${string}[${string},${string}]`
  : P extends Coding
    ? "coding"
    : P extends Window
      ? "window"
      : P extends Key
        ? "key"
        : P extends AdamStep
          ? "options"
          : P extends Bytes | number | boolean
            ? string
            : never;

type Operands<F> = F extends (...operands: infer P) => unknown
  ? { readonly [i in keyof P]-?: Described<NonNullable<P[i]>> }
  : never;

export const operations: { readonly [K in Operation]: Operands<Backend[K]> } = {
  // data
  binarise: ["images", "order", "first", "key", "=out[B,I]"],
  gatherRows: ["source[R,I]", "order", "first", "=out[B,I]"],
  gatherLabels: ["labels", "order", "first", "=out[B,1]"],
  uniforms: ["key", "=out[B,J]"],
  fairBits: ["key", "=out[B,J]"],
  addressedBit: ["bits[B,I]", "k", "=out[B,1]"],

  // products
  broadcast: ["bias[1,J]", "=out[B,J]"],
  product: ["x:coded[B,I]", "coding", "weights[I,J]", "+out[B,J]"],
  transposedProduct: ["g[B,J]", "weights[I,J]", "+out[B,I]", "accumulate"],
  outerProduct: ["x:coded[B,I]", "coding", "g[B,J]", "+out[I,J]", "accumulate"],
  columnMeans: ["g[B,J]", "+out[1,J]", "accumulate"],
  rowDots: ["a[B,I]", "b[B,I]", "coding", "+out[B,1]", "accumulate"],

  // convolutions
  convolve: ["x[B,image]", "window", "weights[patch,J]", "bias[1,J]", "=out[B,places*J]"],
  convolveBack: ["g[B,places*J]", "window", "weights[patch,J]", "=out[B,image]"],
  convolutionGradient: ["x[B,image]", "window", "g[B,places*J]", "=out[patch,J]"],
  rectifierGradient: ["y[B,J]", "+g[B,J]"],

  // units
  sigmoid: ["logits[B,J]", "=p[B,J]", "=q[B,J]"],
  softmax: ["logits[B,U*choices]", "choices", "=p[B,U*choices]"],
  choiceOdds: ["logits[B,U*choices]", "choices", "=out[B,U*choices]"],
  sampleBernoulli: ["p[B,J]", "uniforms[B,J]", "=bits[B,J]"],
  sampleAntithetic: ["p[B,J]", "uniforms[B,J]", "=first[B,J]", "=second[B,J]"],
  sampleCategorical: ["p[B,U*choices]", "choices", "uniforms[B,U]", "=bits[B,U*choices]"],

  // counterfactuals
  refreshFlipTables: ["+tables[I,J]"],
  flipLogLikelihood: ["bits[B,I]", "tables[I,J]", "child:did[B,J]", "+out[B,I]", "accumulate"],
  switchLogLikelihood: [
    "bits[B,U*choices]",
    "choices",
    "tables[U*choices,J]",
    "child:did[B,J]",
    "+out[B,U*choices]",
    "accumulate",
  ],
  mixtureLikelihood: ["delta[B,I]", "odds[B,1]", "?bits[B,I]", "=out[B,I]"],
  posteriorMinusPrior: ["p[B,J]", "q[B,J]", "delta[B,J]", "=out[B,J]"],
  unstoppedGradient: ["s[B,J]", "q[B,J]", "=out[B,J]"],
  choicePosteriorMinusPrior: ["p[B,U*choices]", "choices", "delta[B,U*choices]", "=out[B,U*choices]"],
  score: ["bits[B,J]", "p[B,J]", "q[B,J]", "=out[B,J]"],
  choiceScore: ["bits[B,U*choices]", "choices", "p[B,U*choices]", "=out[B,U*choices]"],

  // rules of the Weight Maximization paper
  rewardedScore: ["a[B,J]", "coding", "p[B,J]", "q[B,J]", "bits[B,J]", "=out[B,J]"],
  betterOutcome: ["a[B,J]", "p[B,J]", "q[B,J]", "bits[B,J]", "rewarded", "punished", "=out[B,J]"],
  meanSlope: ["a[B,J]", "p[B,J]", "q[B,J]", "factor", "=out[B,J]"],
  softmaxSlope: ["p[B,U*choices]", "choices", "a[B,U*choices]", "=out[B,U*choices]"],
  productFormScore: ["bits[B,J]", "q[B,J]", "delta[B,J]", "=out[B,J]"],
  signedPower: ["a[B,J]", "exponent", "factor", "=out[B,J]"],
  normChange: ["bits[B,I]", "coding", "g[B,J]", "weights[I,J]", "norm", "rate", "+out[B,I]", "accumulate"],
  betterAction: ["bits[B,J]", "reward[B,1]", "rewarded", "punished", "=better[B,J]", "=weight[B,1]"],

  // known functions
  logLikelihood: ["layer:did[B,J]", "=out[B,1]"],
  entropy: ["layer[B,J]", "=out[B,1]"],
  addEntropyGradient: ["logits[B,J]", "p[B,J]", "q[B,J]", "+g[B,J]"],
  flipEntropy: ["bits[B,I]", "tables[I,J]", "child[B,J]", "+out[B,I]", "accumulate", "?=logLikelihood[B,I]"],
  entropyDifferences: [
    "bits[B,U*choices]",
    "choices",
    "tables[U*choices,J]",
    "child[B,J]",
    "+out[B,U*choices]",
    "accumulate",
  ],
  flipMeans: [
    "bits[B,I]",
    "tables[I,J]",
    "child[B,J]",
    "value[B,J]",
    "changes[J,I]",
    "factor",
    "+out[B,I]",
    "accumulate",
  ],
  addChoiceDifferences: ["a[B,U*choices]", "choices", "bits[B,U*choices]", "+out[B,U*choices]"],
  localExpectation: ["p[B,J]", "q[B,J]", "difference[B,J]", "=out[B,J]"],
  addHindsight: ["s[B,J]", "f[B,1]", "q[B,J]", "bits[B,J]", "?difference[B,J]", "+out[B,J]"],
  addChoiceHindsight: [
    "s[B,U*choices]",
    "f[B,1]",
    "p[B,U*choices]",
    "choices",
    "?difference[B,U*choices]",
    "+out[B,U*choices]",
  ],

  // elementwise
  fill: ["=m[B,J]", "value"],
  copy: ["a[B,J]", "=out[B,J]"],
  maximum: ["a[B,J]", "b[B,J]", "=out[B,J]"],
  multiply: ["a[B,J]", "b[B,J]", "=out[B,J]"],
  subtract: ["a[B,J]", "b[B,J]", "=out[B,J]"],
  scaleRows: ["a[B,J]", "s[B,1]", "=out[B,J]"],
  multiplyAdd: ["a[B,J]", "b[B,J]", "+out[B,J]"],
  addScaled: ["a[B,J]", "factor", "+out[B,J]"],

  // reward and baseline
  rewardByLabel: ["actions[B,A]", "labels[B,1]", "=out[B,1]", "?wrong"],
  subtractBaseline: ["values[B,1]", "baseline[1,1]", "=out[B,1]"],
  trackMean: ["values[B,1]", "decay", "+baseline[1,1]"],

  // metrics
  addMean: ["m[B,J]", "sums", "index"],
  addVariance: ["moments[B,1]", "gradient[R,C]", "sums", "index", "step"],
  checkFinite: ["m[B,J]", "sums", "index", "step"],

  // optimizers
  adam: ["+parameters[B,J]", "gradient[B,J]", "+m[B,J]", "+v[B,J]", "options"],
};

/** An operand, read from the table. */
export interface OperandRule {
  readonly name: string;
  /** Rows and columns: each a product of letters and numbers; undefined for what has no shape. */
  readonly shape: readonly [rows: readonly string[], columns: readonly string[]] | undefined;
  readonly written: boolean;
  readonly optional: boolean;
  /** Bits, bits unless the coding is real, or any number. */
  readonly holds: "bits" | "coded" | "numbers";
}

function read(described: string): OperandRule {
  const [, marks, name, kind, rows, columns] = /^([?=+]*)(\w+)(?::(\w+))?(?:\[([^,]+),([^\]]+)\])?$/.exec(
    described,
  )!;
  const written = /[=+]/.test(marks);
  const bits = (name === "bits" || name === "actions" || kind === "did") && !written;
  return {
    name,
    shape: rows === undefined ? undefined : [rows.split("*"), columns.split("*")],
    written,
    optional: marks.includes("?"),
    holds: bits ? "bits" : kind === "coded" ? "coded" : "numbers",
  };
}

/** The table as rules. */
export const operandRules = Object.fromEntries(
  Object.entries(operations).map(([operation, operands]) => [operation, operands.map(read)]),
) as unknown as { readonly [K in Operation]: readonly OperandRule[] };
