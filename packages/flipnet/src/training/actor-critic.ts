/**
 * Learning from temporal differences, with eligibility traces (Sutton 1988; Sutton and Barto 2018, section 13.5): an actor of
 * discrete units, whose rule's credit is linear in the signal, and a critic `V` that reads the state. With `score` the
 * actor's credit for a signal of 1, at every step
 *
 *     z = gamma lambda z + gamma^t score x,    theta += rate delta z,    delta = r + gamma V(s') - V(s),
 *
 * where z is 0 at an episode's beginning, V behind its end is 0, and the critic's own trace holds `grad V` likewise. With
 * HNCA, `score` is HNCA's credit: between its coins and its children's.
 *
 * With lambda 1, gamma^t, and parameters that stay what they are until the episode is over, this is unbiased, whatever the
 * critic, as long as it does not read the coins. Everything else is an approximation: with lambda below 1 the bias is that
 * of REINFORCE with the same critic, to the last digit, whatever the estimator; see docs/control.md.
 */
import { type ImmediateBackend, immediate, type Matrix } from "../backend/backend.ts";
import type { Estimator, PreparedEstimator, Problem, Scores } from "../estimators/estimator.ts";
import { prepareGradient } from "../estimators/gradient.ts";
import { InputError } from "../formats/errors.ts";
import { denseFrontEnd } from "../front-ends/dense.ts";
import type { FrontPass, Parameters } from "../front-ends/front-end.ts";
import { type Credit, partOfPass } from "../network/pass.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import type { TraceOptions, Transitions } from "../tasks/transitions.ts";
import { Learner } from "./learner.ts";

/** Parameters' traces of one row of the batch. */
interface RowTrace {
  /** The gradient of the row alone, for a signal of 1: a block for each of the parameters. */
  readonly own: readonly Matrix[];
  readonly traces: readonly Matrix[];
  compute(): void;
}

/** An actor and its critic on batches of one size. */
export class ActorCritic extends Learner {
  readonly #traced: Traced;

  constructor(
    estimator: Estimator,
    problem: Problem,
    optimizer: OptimizerFactory,
    transitions: Transitions,
    options: TraceOptions,
  ) {
    const traced = withTraces(estimator, transitions, options);
    super(traced, problem, optimizer, { examples: { rows: problem.input.rows } });
    this.#traced = this.estimator as Traced;
  }

  /** Learns from the transitions as they stand. */
  override learn(): void {
    const update = this.#traced.trace();
    if (update === 0) return;
    this.optimizer.step(this.#traced.sums, update);
    for (const sum of this.#traced.sums) this.network.backend.fill(sum, 0);
  }
}

/** An estimator that makes updates of its scores and its critic's. */
interface Traced extends PreparedEstimator {
  /** Those that are due, a block for each of the parameters. */
  readonly sums: readonly Matrix[];
  /** Follows a step. Gives the number of the update that is due now, from 1; or 0. */
  trace(): number;
}

const withTraces = (estimator: Estimator, transitions: Transitions, options: TraceOptions): Estimator => ({
  ...estimator,
  prepare(problem) {
    if (problem.baseline !== "none") {
      throw new InputError(
        `there is a baseline; expected "none", as the critic is what is subtracted where one learns from steps`,
      );
    }
    const prepared = estimator.prepare(problem);
    if (prepared.parameters !== undefined && prepared.parameters.length > 0) {
      throw new InputError(
        `${estimator.name} learns a baseline of its own, in whose place the critic is; expected hnca or reinforce`,
      );
    }
    if (prepared.scores === undefined) {
      throw new InputError(
        `the credit of ${estimator.name} is not linear in the reward; expected an estimator that can have traces, hnca or reinforce`,
      );
    }
    return prepareTraces(prepared, prepared.scores, problem, transitions, options);
  },
});

function prepareTraces(
  prepared: PreparedEstimator,
  scores: Scores,
  { network, input }: Problem,
  transitions: Transitions,
  { gamma, traceLambda, criticLambda, critic: hidden, criticRate }: TraceOptions,
): Traced {
  const backend = immediate(network.backend);
  const rows = input.rows;
  const ones = backend.matrix(rows, 1);
  backend.fill(ones, 1);
  const { credits } = prepared;
  const actors = Array.from({ length: rows }, (_, row): RowTrace => {
    const ofRow = credits.map((credit) => onRow(backend, credit, row));
    const { blocks, compute } = prepareGradient(backend, network.layers, ofRow);
    return { own: blocks, traces: blocks.map(({ columns }) => backend.matrix(1, columns)), compute };
  });
  const critic = hidden && prepareCritic(backend, input, transitions.next, hidden, criticRate);
  const parameters = critic?.parameters ?? [];
  const blocks = [...network.layers.map(({ block }) => block), ...parameters.map(({ block }) => block)];
  const sums = blocks.map(({ columns }) => backend.matrix(1, columns));
  const parts = [sums.slice(0, network.layers.length), sums.slice(network.layers.length)];
  const updates = backend.matrix(1, 1);
  const counted = new Float64Array(1);

  const state: Record<string, Matrix> = { ...prepared.state, updates };
  const names = [...network.layers, ...parameters].map(({ name }) => name);
  sums.forEach((block, i) => {
    state[`sum.${names[i]}`] = block;
  });
  actors.forEach(({ traces }, row) => {
    [...traces, ...(critic?.rows[row].traces ?? [])].forEach((block, i) => {
      state[`trace.${row}.${names[i]}`] = block;
    });
  });

  /** z = decay z + weight g, and what the sum gains by it. */
  function follow(
    one: RowTrace,
    into: readonly Matrix[],
    decay: number,
    weight: number,
    delta: number,
  ): void {
    one.traces.forEach((trace, i) => {
      if (decay === 0) backend.fill(trace, 0);
      else backend.addScaled(trace, decay - 1, trace);
      backend.addScaled(one.own[i], weight, trace);
      backend.addScaled(trace, delta / rows, into[i]);
    });
  }

  return {
    ...prepared,
    parameters,
    gradients: parts[1],
    state,
    sums,
    trace() {
      const { rewards, discounts, weights, first, moves } = transitions;
      scores.score();
      scores.weigh(ones);
      critic?.evaluate();
      for (let row = 0; row < rows; row++) {
        if (weights[row] === 0) continue;
        const [value, next] = critic === undefined ? [0, 0] : [critic.value(row), critic.next(row)];
        const delta = rewards[row] + discounts[row] * next - value;
        actors[row].compute();
        follow(actors[row], parts[0], first[row] ? 0 : gamma * traceLambda, weights[row], delta);
        if (critic === undefined) continue;
        critic.rows[row].compute();
        follow(critic.rows[row], parts[1], first[row] ? 0 : gamma * criticLambda, 1, delta);
      }
      if (!moves) return 0;
      backend.readNow(updates, counted);
      counted[0]++;
      backend.write(updates, counted);
      return counted[0];
    },
  };
}

/** One row of a credit. */
const onRow = (backend: ImmediateBackend, { g, pass, ...credit }: Credit, row: number): Credit => ({
  ...credit,
  g: backend.view(g, row * g.columns, 1, g.columns),
  pass: partOfPass(pass, row, 1, 0),
});

/** Values of states before and after a step, row by row. */
interface Critic {
  readonly parameters: readonly Parameters[];
  readonly rows: readonly RowTrace[];
  evaluate(): void;
  /** Valid after `evaluate`. */
  value(row: number): number;
  next(row: number): number;
}

function prepareCritic(
  backend: ImmediateBackend,
  input: Matrix,
  next: Matrix,
  hidden: readonly number[],
  rate: number,
): Critic {
  const front = denseFrontEnd(backend, { inputs: input.columns, hidden, outputs: 1, name: "critic" });
  const one = backend.matrix(1, 1);
  backend.fill(one, 1);
  const runs = (states: Matrix) =>
    Array.from({ length: states.rows }, (_, row) =>
      front.prepare(backend.view(states, row * states.columns, 1, states.columns)),
    );
  const [before, after] = [runs(input), runs(next)];
  const room = new Float64Array(1);
  const worth = ({ output }: FrontPass) => backend.readNow(output, room)[0];
  return {
    parameters: front.parameters.map((part) => ({ ...part, rate })),
    rows: before.map(({ gradients, backward }) => ({
      own: gradients,
      traces: gradients.map(({ columns }) => backend.matrix(1, columns)),
      compute: () => backward(one),
    })),
    evaluate() {
      for (const run of [...before, ...after]) run.forward();
    },
    value: (row) => worth(before[row]),
    next: (row) => worth(after[row]),
  };
}
