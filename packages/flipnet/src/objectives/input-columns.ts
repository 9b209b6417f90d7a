/** Some columns of what a network sees, as what an objective predicts. */
import type { Matrix } from "../backend/backend.ts";
import type { Pass } from "../network/pass.ts";

/** Columns of a pass's input, [B, columns]; as they are now after `read`. */
export interface InputColumns {
  readonly numbers: Matrix;
  read(): void;
}

/** The product of the input and a matrix of zeros and ones, which is exact. `columns` count from 0. */
export function inputColumns({ network, input, batchSize }: Pass, columns: readonly number[]): InputColumns {
  const { backend } = network;
  const chosen = backend.matrix(input.columns, columns.length);
  const ones = new Float32Array(input.columns * columns.length);
  columns.forEach((column, k) => {
    ones[column * columns.length + k] = 1;
  });
  backend.write(chosen, ones);
  const numbers = backend.matrix(batchSize, columns.length);
  return {
    numbers,
    read() {
      backend.fill(numbers, 0);
      backend.product(input, "real", chosen, numbers);
    },
  };
}
