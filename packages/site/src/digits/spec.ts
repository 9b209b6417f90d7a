/** An auto-encoder of digits: the state of its page. */
import { count, learned, side } from "../shared/digits.ts";
import { bits, hiddenParts, whole } from "../shared/state.ts";

/** What a teacher may hide. */
export const parts = { code: "The coins", draw: "A digit of one's own" } as const;

/** How it learns. */
export const learning = { learningRate: 0.01, batchSize: 50, outputBias: 0.02 } as const;

/** The same on the command line, with MNIST in its full size. */
export const configOf = (coins: number, seed: number): object => ({
  task: "vae",
  estimator: "f-hnca",
  hidden: [coins],
  ...learning,
  seed,
  epochs: 5,
});

/** The state of the page. */
export const fields = {
  seed: whole(1, 0, 999_999),
  coins: whole(20, 4, 32),
  /** Walks through the digits. */
  epochs: whole(100, 0, 300),
  /** The first that it has not seen. */
  image: whole(learned, 0, count - 1),
  /** Which flip of the code. */
  flip: whole(1, 1, 9999),
  /** Of the code's coins, those that were turned by hand. */
  turned: bits(32),
  /** A digit of one's own, row by row. */
  drawn: bits(side * side),
  hide: hiddenParts(["code", "draw"]),
};
