/** A bandit to audit estimators on. */
import type { ImmediateBackend } from "../backend/backend.ts";
import { Exploration } from "../network/exploration.ts";
import { createNetwork } from "../network/network.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { exactBandit } from "./bandit-exact.ts";
import type { Bandit } from "./bandit-spec.ts";
import { countStates } from "./exact.ts";
import { type ParameterArrays, toArrays, toBlock } from "./layout.ts";
import type { Subject } from "./subject.ts";

/** What a report says of the bandit itself. */
export interface BanditAnswers {
  /** Gradient of the expected reward: weights and bias of each layer. */
  exact: ParameterArrays;
}

/** Its linear maps are the network's layers. */
export function banditSubject(backend: ImmediateBackend, bandit: Bandit): Subject<BanditAnswers> {
  const { contexts, rewards, baseline = "none", exploring } = bandit;
  const network = createNetwork(backend, bandit.network);
  network.layers.forEach((layer, l) => {
    backend.write(layer.block, toBlock(bandit.parameters[l]));
  });
  const mostValues = Math.max(...rewards.flat().map(({ values }) => values.length));

  return {
    offers: ["reward"],
    backend,
    network,
    linears: network.layers,
    states: countStates(bandit),
    exact(visited) {
      const gradient = exactBandit(bandit, visited);
      return { gradient, answers: { exact: toArrays(gradient) } };
    },
    prepare(estimator, draws, rows) {
      const input = backend.matrix(rows, network.inputs);
      const reward = backend.matrix(rows, 1);
      const objective = rewardObjective(reward);
      const actions = network.layers[network.layers.length - 1].width;
      const exploration = exploring && new Exploration(backend, rows, actions);
      const prepared = estimator.prepare({
        network,
        input,
        objective,
        baseline: estimator.baseline ? baseline : "none",
        baselineDecay: 0.99,
        ...(exploration && { exploration }),
      });
      const { bits: action } = prepared.pass.layers[network.layers.length - 1];
      return {
        prepared,
        credits: prepared.credits,
        run() {
          const seen = Array.from(draws.choose("context", contexts.length));
          backend.write(
            input,
            seen.flatMap((c) => contexts[c]),
          );
          seen.forEach((c, row) => {
            exploration?.set(row, exploring!.floor, exploring!.allowed?.[c]);
          });
          prepared.sample(draws);
          const actions = backend.readNow(action);
          const laws = seen.map((c, row) => {
            const chosen = actions.subarray(row * action.columns, (row + 1) * action.columns);
            return rewards[c][toAction(chosen)];
          });
          const outcomes = draws.choose(
            "reward",
            mostValues,
            laws.map(({ probabilities }) => probabilities),
          );
          // A reward with fewer values than another has none at its last outcomes: states that cannot happen.
          backend.write(
            reward,
            laws.map(({ values }, row) => values[outcomes[row]] ?? 0),
          );
          prepared.credit();
        },
      };
    },
  };
}

/** The number of an action: where the one-hot bit is, or a single unit's bit itself. */
const toAction = (bits: Float64Array): number => (bits.length === 1 ? bits[0] : bits.indexOf(1));
