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
 * A rule by which every unit learns from a signal of its own, as Weight Maximization's sequel has it (Chung 2022), keeps
 * traces `e` of the units' own scores. From the last layer to the first, a unit's update is `e` times its signal, which is
 * delta for the last layer; a hidden unit's is formed of its children's updates and of the weights to them, which have just
 * moved.
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
import { prepareSignals, type Signals } from "./own-signals.ts";

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
    const { sums, trace } = this.#traced;
    trace((update, from, to) => {
      this.optimizer.step(sums, update, from, to);
      for (let place = from; place < to; place++) this.network.backend.fill(sums[place], 0);
    });
  }
}

/** An estimator that makes updates of its scores and its critic's. */
interface Traced extends PreparedEstimator {
  /** Those that are due, a block for each of the parameters. */
  readonly sums: readonly Matrix[];
  /** Follows a step; `move` is called where parameters are due to move, with the update's number from 1, and which. */
  trace(move: (update: number, from: number, to: number) => void): void;
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
    const { scores } = prepared;
    if (scores === undefined) {
      throw new InputError(
        `the credit of ${estimator.name} is not linear in the reward; expected an estimator that can have traces, hnca or reinforce`,
      );
    }
    return prepareTraces({ ...prepared, scores }, problem, transitions, options);
  },
});

function prepareTraces(
  prepared: PreparedEstimator & { readonly scores: Scores },
  { network, input }: Problem,
  transitions: Transitions,
  options: TraceOptions,
): Traced {
  const { gamma, traceLambda, criticLambda } = options;
  const backend = immediate(network.backend);
  const rows = input.rows;
  const ones = backend.matrix(rows, 1);
  backend.fill(ones, 1);
  const { credits, scores, own } = prepared;
  const actors = Array.from({ length: rows }, (_, row): RowTrace => {
    const ofRow = credits.map((credit) => onRow(backend, credit, row));
    const { blocks, compute } = prepareGradient(backend, network.layers, ofRow);
    return { own: blocks, traces: blocks.map(({ columns }) => backend.matrix(1, columns)), compute };
  });
  const critic = prepareCritic(backend, transitions.state, transitions.next, options);
  const parameters = critic?.parameters ?? [];
  const blocks = [...network.layers.map(({ block }) => block), ...parameters.map(({ block }) => block)];
  const sums = blocks.map(({ columns }) => backend.matrix(1, columns));
  const L = network.layers.length;
  const parts = [sums.slice(0, L), sums.slice(L)];
  const signals = own && actors.map(({ traces }) => prepareSignals(backend, network.layers, traces, own));
  const deltas = new Float64Array(rows);
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

  /** z = decay z + weight g. */
  function follow({ own, traces }: RowTrace, decay: number, weight: number): void {
    traces.forEach((trace, i) => {
      if (decay === 0) backend.fill(trace, 0);
      else backend.addScaled(trace, decay - 1, trace);
      backend.addScaled(own[i], weight, trace);
    });
  }

  /** What sums gain by a row's traces. */
  function gain({ traces }: RowTrace, row: number, into: readonly Matrix[]): void {
    traces.forEach((trace, i) => {
      backend.addScaled(trace, deltas[row] / rows, into[i]);
    });
  }

  /** Layer by layer from the last one on, each of which moves before the next one's signals are formed. */
  function learnBySignals(signals: readonly Signals[], move: (from: number, to: number) => void): void {
    for (let layer = L - 1; layer >= 0; layer--) {
      signals.forEach(({ change }, row) => {
        if (transitions.weights[row] === 0) return;
        backend.addScaled(change(layer, deltas[row]), 1 / rows, sums[layer]);
      });
      move(layer, layer + 1);
    }
  }

  return {
    ...prepared,
    parameters,
    gradients: parts[1],
    state,
    sums,
    trace(move) {
      const { rewards, discounts, weights, first, moves } = transitions;
      if (own === undefined) {
        scores.score();
        scores.weigh(ones);
      } else own.score();
      critic?.evaluate();
      for (let row = 0; row < rows; row++) {
        if (weights[row] === 0) continue;
        const [value, next] = critic === undefined ? [0, 0] : [critic.value(row), critic.next(row)];
        deltas[row] = rewards[row] + discounts[row] * next - value;
        actors[row].compute();
        follow(actors[row], first[row] ? 0 : gamma * traceLambda, weights[row]);
        if (signals === undefined) gain(actors[row], row, parts[0]);
        if (critic === undefined) continue;
        critic.rows[row].compute();
        follow(critic.rows[row], first[row] ? 0 : gamma * criticLambda, 1);
        gain(critic.rows[row], row, parts[1]);
      }
      if (moves) {
        backend.readNow(updates, counted);
        counted[0]++;
        backend.write(updates, counted);
      }
      const due = (from: number, to: number) => {
        if (moves && from < to) move(counted[0], from, to);
      };
      if (signals !== undefined) learnBySignals(signals, due);
      due(signals === undefined ? 0 : L, sums.length);
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
  state: Matrix,
  next: Matrix,
  { critic: hidden, criticActivation: activation = "tanh", criticRate, criticRateEnd }: TraceOptions,
): Critic | undefined {
  if (hidden === undefined) return undefined;
  const shape = { inputs: state.columns, hidden, outputs: 1, name: "critic", activation };
  const front = denseFrontEnd(backend, shape);
  const rates = ratesOfCritic(criticRate, front.parameters.length);
  const ends = ratesOfCritic(criticRateEnd ?? criticRate, front.parameters.length);
  const one = backend.matrix(1, 1);
  backend.fill(one, 1);
  const runs = (states: Matrix) =>
    Array.from({ length: states.rows }, (_, row) =>
      front.prepare(backend.view(states, row * states.columns, 1, states.columns)),
    );
  const [before, after] = [runs(state), runs(next)];
  const room = new Float64Array(1);
  const worth = ({ output }: FrontPass) => backend.readNow(output, room)[0];
  return {
    parameters: front.parameters.map((part, i) => ({ ...part, rate: rates[i], rateEnd: ends[i] })),
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

/** @throws InputError for a list of another length */
function ratesOfCritic(rate: number | readonly number[], layers: number): readonly number[] {
  const rates = typeof rate === "number" ? new Array<number>(layers).fill(rate) : rate;
  if (rates.length === layers) return rates;
  throw new InputError(
    `there are ${rates.length} rates for a critic of ${layers} layers; expected one, or one a layer`,
  );
}
