// Every kernel, one operation a file. Addresses are in bytes; matrices are row-major float32.

export { adam } from "./adam";
export { subtractBaseline, trackMean } from "./baseline";
export { sampleBernoulli } from "./bernoulli";
export { binarise } from "./binarise";
export { broadcast } from "./broadcast";
export { sampleCategorical } from "./categorical";
export { addScaled, fill, multiplyAdd, scaleRows, subtract } from "./elementwise";
export { gatherLabels, gatherRows } from "./gather";
export { heapBase } from "./heap-base";
export { addMean, addVariance } from "./metrics";
export { rewardByLabel } from "./reward";
export { sigmoid } from "./sigmoid";
export { softmax } from "./softmax";
export { uniforms } from "./uniforms";
export { columnMeans } from "./column-means";
export { dense } from "./dense";
export { outerProduct, outerProductBits } from "./outer-product";
export { rowDots } from "./row-dots";
export { rowSum } from "./row-sum";
export { transposedProduct } from "./transposed-product";
export { flipLogLikelihood, flipScratchFloats } from "./flip-log-likelihood";
export { flipSoftmax, flipSoftmaxScratchFloats } from "./flip-softmax";
export { flipTableFloats, flipTables } from "./flip-tables";
export { choicePosteriorMinusPrior, posteriorMinusPrior } from "./posterior";
export { switchLogLikelihood } from "./switch-log-likelihood";
