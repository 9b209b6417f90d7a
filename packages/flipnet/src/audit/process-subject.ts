/**
 * A decision process to audit estimators on. Rows of a batch are the steps of episodes, time by time, each credited with
 * the sum of its temporal-difference errors, with lambda 1 the return to go less the critic's value; what an example's gradient is made of is an episode's. Episodes are played as in training.
 */
import type { ImmediateBackend } from "../backend/backend.ts";
import { createNetwork } from "../network/network.ts";
import { partOfPass } from "../network/pass.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { readActions } from "../tasks/task.ts";
import { Acting } from "../training/acting.ts";
import { countStates } from "./exact.ts";
import { type ParameterArrays, toArrays, toBlock } from "./layout.ts";
import { exactProcess } from "./process-exact.ts";
import type { Process, Successors } from "./process-spec.ts";
import type { AuditDraws, Subject } from "./subject.ts";

/** What a report says of the process itself. */
export interface ProcessAnswers {
  /** Sum of an episode's rewards. */
  expectedReturn: number;
  /** Its gradient: weights and bias of each layer. */
  exact: ParameterArrays;
}

/** Its linear maps are the network's layers. */
export function processSubject(backend: ImmediateBackend, process: Process): Subject<ProcessAnswers> {
  const { contexts, start, successors, rewards, horizon, baseline = "none", values } = process;
  const { gamma, lambda, discountStates, bootstrap } = process;
  const network = createNetwork(backend, process.network);
  network.layers.forEach((layer, l) => {
    backend.write(layer.block, toBlock(process.parameters[l]));
  });
  const mostSuccessors = Math.max(...successors.flat().map(({ values }) => values.length));

  /** A state for every row. */
  function choose(draws: AuditDraws, name: string, sides: number, of: readonly Successors[]): number[] {
    const laws = of.map(({ probabilities }) => probabilities);
    const outcomes = draws.choose(name, sides, laws);
    // Where fewer states can follow than elsewhere, the last outcomes cannot happen.
    return of.map(({ values }, row) => values[outcomes[row]] ?? 0);
  }

  return {
    offers: ["reward"],
    backend,
    network,
    linears: network.layers,
    states: horizon * countStates(process),
    exact(visited) {
      const { value, gradient } = exactProcess(process, visited);
      return { gradient, answers: { expectedReturn: value, exact: toArrays(gradient) } };
    },
    prepare(estimator, draws, rows) {
      const input = backend.matrix(horizon * rows, network.inputs);
      const returns = backend.matrix(horizon * rows, 1);
      const prepared = estimator.prepare({
        network,
        input,
        objective: rewardObjective(returns),
        baseline: estimator.baseline ? baseline : "none",
        baselineDecay: 0.99,
      });
      const acting = new Acting({ estimator: prepared, sample: (draws) => prepared.sample(draws) }, draws);
      const times = [...Array(horizon).keys()];
      return {
        prepared,
        // An episode's steps stand at the same row of each time's block.
        credits: prepared.credits.flatMap(({ g, pass, ...credit }) =>
          times.map((t) => ({
            ...credit,
            g: backend.view(g, t * rows * g.columns, rows, g.columns),
            pass: partOfPass(pass, t * rows, rows, t),
          })),
        ),
        run() {
          acting.start();
          const earned = new Float64Array(horizon * rows);
          let states = choose(draws, "start", start.values.length, Array(rows).fill(start));
          for (const t of times) {
            const seen = states.flatMap((s) => contexts[s]);
            backend.write(input, seen, t * seen.length);
            const actions = readActions(backend, acting.act(t * rows, rows));
            states.forEach((s, row) => {
              earned[t * rows + row] = rewards[s][actions[row]] - values[s];
            });
            if (t === horizon - 1 && !bootstrap) break;
            const after = states.map((s, row) => successors[s][actions[row]]);
            states = choose(draws, `state at time ${t + 1}`, mostSuccessors, after);
            states.forEach((s, row) => {
              earned[t * rows + row] += gamma * values[s];
            });
          }
          // From errors to their sums from each step on, (gamma lambda)^k of the k-th after it.
          for (let row = (horizon - 1) * rows - 1; row >= 0; row--) {
            earned[row] += gamma * lambda * earned[row + rows];
          }
          if (discountStates)
            earned.forEach((_, row) => {
              earned[row] *= gamma ** Math.floor(row / rows);
            });
          backend.write(returns, earned);
          prepared.credit();
        },
      };
    },
  };
}
