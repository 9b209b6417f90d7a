/** What the stories' figures show: a coin's leaning, and how much one listens. */
import type { Coins } from "../audit/question.ts";
import { decimal, whole } from "../shared/state.ts";
import { coinsOf } from "../worlds/spec.ts";

/** The state of the page: of each story's figure what can be moved. */
export const fields = {
  lean: decimal(-1, -4, 4),
  draws: whole(1, 1, 500),
  listens: half(2),
  hears: half(4),
};

/** A weight that the curves have been audited at. */
function half(usual: number) {
  const { read, ...rest } = decimal(usual, -6, 6, 1);
  return {
    ...rest,
    read(text: string): number | undefined {
      const value = read(text);
      return value === undefined ? undefined : Math.round(2 * value) / 2;
    },
  };
}

/** Weights along the curves. */
export const weights: readonly number[] = Array.from({ length: 25 }, (_, i) => i / 2 - 6);

/** The three coins of the playground, C listening to A that much. */
export const coinsAt = (weight: number): Coins =>
  coinsOf({ shape: "pair", lean: [0.5, -0.5, -0.5], weight: [weight, -0.5], reward: [0, 1], baseline: 0 });
