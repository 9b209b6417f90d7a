/** A bandit to audit estimators on. */
import type { ImmediateBackend, Indices, Matrix } from "../backend/backend.ts";
import { Exploration } from "../network/exploration.ts";
import { createNetwork } from "../network/network.ts";
import type { Credit } from "../network/pass.ts";
import { RowChoice } from "../network/row-choice.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { exactBandit, sideBySide } from "./bandit-exact.ts";
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
  const { contexts, rewards, baseline = "none", exploring, rows: K = 1 } = bandit;
  const chooses = bandit.rows !== undefined;
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
    states: countStates(chooses ? sideBySide(bandit, K) : bandit),
    exact(visited) {
      const gradient = exactBandit(bandit, visited);
      return { gradient, answers: { exact: toArrays(gradient) } };
    },
    prepare(estimator, draws, rows) {
      const input = backend.matrix(K * rows, network.inputs);
      const reward = backend.matrix(K * rows, 1);
      const objective = rewardObjective(reward);
      const { width } = network.layers[network.layers.length - 1];
      const actions = chooses ? K : width;
      const exploration = chooses
        ? new RowChoice(backend, rows, K)
        : exploring && new Exploration(backend, rows, width);
      const prepared = estimator.prepare({
        network,
        input,
        objective,
        baseline: estimator.baseline ? baseline : "none",
        baselineDecay: 0.99,
        ...(exploration && { exploration }),
      });
      const { bits: action } = prepared.pass.layers[network.layers.length - 1];
      const parts = chooses ? prepareParts(backend, prepared.credits, K) : undefined;
      return {
        prepared,
        credits: parts?.credits ?? prepared.credits,
        run() {
          const seen = Array.from(draws.choose("context", contexts.length));
          backend.write(
            input,
            seen.flatMap((c) => contexts[c]),
          );
          seen.forEach((c, row) => {
            exploration?.set(row, exploring?.floor ?? 0, exploring?.allowed?.[c]);
          });
          prepared.sample(draws);
          const done = backend.readNow(action);
          const laws = seen.map(
            (c, row) => rewards[c][toAction(done.subarray(row * actions, (row + 1) * actions))],
          );
          const outcomes = draws.choose(
            "reward",
            mostValues,
            laws.map(({ probabilities }) => probabilities),
          );
          // A reward with fewer values than another has none at its last outcomes: states that cannot happen.
          backend.write(
            reward,
            laws.flatMap(({ values }, row) => Array<number>(K).fill(values[outcomes[row]] ?? 0)),
          );
          prepared.credit();
          parts?.gather();
        },
      };
    },
  };
}

/** The number of an action: where the one-hot bit is, or a single unit's bit itself. */
const toAction = (bits: Float64Array): number => (bits.length === 1 ? bits[0] : bits.indexOf(1));

/**
 * Credits of the first, the second, ... rows of all decisions: the gradient of a decision is the sum of its rows'.
 */
function prepareParts(backend: ImmediateBackend, credits: readonly Credit[], rows: number) {
  const copies: (() => void)[] = [];
  const partsOf = (m: Matrix, order: Indices) => {
    const part = backend.matrix(m.rows / rows, m.columns);
    copies.push(() => backend.gatherRows(m, order, 0, part));
    return part;
  };
  const parts = Array.from({ length: rows }, (_, k) => {
    const decisions = credits[0].g.rows / rows;
    const order = backend.indices(decisions);
    backend.writeIndices(
      order,
      Array.from({ length: decisions }, (_, d) => d * rows + k),
    );
    const { pass } = credits[0];
    const layers = pass.layers.map((outcome) => ({ ...outcome, bits: partsOf(outcome.bits, order) }));
    const own = { ...pass, batchSize: decisions, features: partsOf(pass.features, order), layers };
    return credits.map((credit) => ({ ...credit, g: partsOf(credit.g, order), pass: own }));
  });
  return { credits: parts.flat(), gather: () => void copies.map((copy) => copy()) };
}
