/** A number for every parameter, as people and files write it: one row a unit. Networks keep one row an input. */

/** Of one layer: weights [unit][input], a softmax unit having a row for each choice, and bias, one a row. */
export interface LayerValues {
  weights: number[][];
  bias: number[];
}

/** Of a network: layer by layer, weights and then bias. */
export type ParameterArrays = (number[][] | number[])[];

export const toArrays = (layers: readonly LayerValues[]): ParameterArrays =>
  layers.flatMap(({ weights, bias }) => [weights, bias]);

/** As a layer's block of parameters: [inputs + 1, rows], the bias last. */
export function toBlock({ weights, bias }: LayerValues): Float64Array {
  const byInput = weights[0].map((_, i) => weights.map((row) => row[i]));
  return Float64Array.from([...byInput, bias].flat());
}

/** Back from a block; `rows` is the layer's width. */
export function fromBlock(block: Float64Array, rows: number): LayerValues {
  const inputs = block.length / rows - 1;
  const byRow = Array.from({ length: rows }, (_, j) =>
    Array.from({ length: inputs + 1 }, (_, i) => block[i * rows + j]),
  );
  return { weights: byRow.map((row) => row.slice(0, inputs)), bias: byRow.map((row) => row[inputs]) };
}
