/**
 * The exact expected return of a decision process and its gradient, by differentiating the sum over everything that can
 * happen, from the last step back to the first:
 *
 *     V_t(s) = sum_a P(a | s) Q_t(s, a),   Q_t(s, a) = reward(s, a) + gamma sum_s' P(s' | s, a) V_t+1(s'),
 *
 * both factors of every term by the product rule. No theorem about returns to go, and no estimator.
 */
import { addScaled, exactGradient, zeros } from "./exact.ts";
import type { LayerValues } from "./layout.ts";
import type { Process } from "./process-spec.ts";

/** What an episode is worth from a state on. */
interface Outlook {
  value: number;
  gradient: LayerValues[];
}

/** The number of the action that the last layer took. */
export const actionOf = (shown: readonly number[]): number =>
  shown.length > 1 ? shown.indexOf(1) : Number(shown[0] > 0);

/** @param visited called after each state */
export function exactProcess(process: Process, visited: () => void = () => {}): Outlook {
  const { network, parameters, contexts, start, successors, rewards, horizon, gamma } = process;
  const nothing = (): Outlook => ({ value: 0, gradient: parameters.map(zeros) });

  /** Outlooks, weighted with the probabilities of their states. */
  function expect(
    of: readonly Outlook[],
    states: readonly number[],
    probabilities: readonly number[],
  ): Outlook {
    const sum = nothing();
    states.forEach((s, i) => {
      sum.value += probabilities[i] * of[s].value;
      of[s].gradient.forEach((layer, l) => {
        addScaled(sum.gradient[l], layer, probabilities[i]);
      });
    });
    return sum;
  }

  let later = contexts.map(nothing);
  for (let t = horizon - 1; t >= 0; t--) {
    later = contexts.map((observation, s) => {
      const after = successors[s].map(({ values, probabilities }) => expect(later, values, probabilities));
      const taken = after.map(() => 0);
      const now = exactGradient({ network, parameters, contexts: [observation] }, (_, shown, reach) => {
        visited();
        const action = actionOf(shown[shown.length - 1]);
        taken[action] += reach;
        return rewards[s][action] + gamma * after[action].value;
      });
      after.forEach(({ gradient }, action) => {
        gradient.forEach((layer, l) => {
          addScaled(now.gradient[l], layer, gamma * taken[action]);
        });
      });
      return now;
    });
  }
  return expect(later, start.values, start.probabilities);
}
