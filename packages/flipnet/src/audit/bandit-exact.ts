/** The exact gradient of a bandit's expected reward. */
import { dot } from "./arithmetic.ts";
import type { Bandit } from "./bandit-spec.ts";
import { exactGradient } from "./exact.ts";
import type { LayerValues } from "./layout.ts";

/** @param visited called after each state */
export function exactBandit(bandit: Bandit, visited: () => void = () => {}): LayerValues[] {
  const { rewards } = bandit;
  const { gradient } = exactGradient(bandit, (context, shown) => {
    visited();
    const action = shown[shown.length - 1];
    const { values, probabilities } =
      rewards[context][action.length > 1 ? action.indexOf(1) : Number(action[0] > 0)];
    return dot(values, probabilities);
  });
  return gradient;
}
