// Every kernel, one operation a file. Addresses are in bytes; matrices are row-major float32.
//
// The order of arguments is a rule: addresses as the operation has them, results last; whole numbers, sizes first; other
// numbers and flags; `scratch`. Letters: B examples, I parents, J units; N choices of a parent, K of a child; n elements.
// Kernels read up to `padding` bytes behind an operand (src/backend/padding.ts) and write none.

export { adam } from "./adam";
export { subtractBaseline, trackMean } from "./baseline";
export { sampleAntithetic, sampleBernoulli } from "./bernoulli";
export { binarise } from "./binarise";
export { broadcast } from "./broadcast";
export { sampleCategorical } from "./categorical";
export {
  addScaled, copy, fill, maximum, multiply, multiplyAdd, rectifierGradient, scaleRows, subtract,
} from "./elementwise";
export { addEntropyGradient } from "./entropy";
export { gatherLabels, gatherRows } from "./gather";
export { heapBase } from "./heap-base";
export { setOwn } from "./own";
export { addChoiceHindsight, addHindsight, localExpectation } from "./hindsight";
export { entropy, logLikelihood } from "./log-likelihood";
export { addMean, addVariance, checkFinite } from "./metrics";
export { rewardByLabel } from "./reward";
export { sigmoid } from "./sigmoid";
export { softmax } from "./softmax";
export { uniforms } from "./uniforms";
export { columnMeans } from "./column-means";
export { convolutionGradient, convolve, convolveBack, convolveBackScratchFloats } from "./convolution";
export { dense } from "./dense";
export { outerProduct, outerProductBits } from "./outer-product";
export { rowDots } from "./row-dots";
export { productBits } from "./row-sum";
export { transposedProduct } from "./transposed-product";
export { flipScratchFloats, flips } from "./flips";
export { flipSoftmax, flipSoftmaxScratchFloats } from "./flip-softmax";
export { flipMeans, flipMeansScratchFloats } from "./flip-means";
export { flipStepFloats, flipTableFloats, flipTables } from "./flip-tables";
export { mixtureLikelihood } from "./mixture";
export { choicePosteriorMinusPrior, posteriorMinusPrior, unstoppedGradient } from "./posterior";
export { switchScratchFloats, switches } from "./switches";
export { switchSoftmax, switchSoftmaxScratchFloats } from "./switch-softmax";
export { addressedBit } from "./addressed-bit";
export { fairBits } from "./fair-bits";
export { betterOutcome, meanSlope, productFormScore, rewardedScore } from "./hidden-rules";
export { normChange, signedPower } from "./norm-change";
export { betterAction } from "./better-action";
export { choiceScore, score } from "./score";
export { choiceOdds } from "./choice-odds";
export { addChoiceDifferences, choiceEntropy, choiceLogLikelihood } from "./choices";
export { entropyDifferences, entropyDifferencesScratchFloats } from "./entropy-differences";
export { softmaxSlope } from "./softmax-slope";
