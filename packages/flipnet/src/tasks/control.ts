/**
 * Control: an environment is lived in, step by step, in episodes side by side, and learned from at every step or when all of
 * them are over. A step of training is a step of every episode.
 *
 * Reward and length are of whole episodes: those that ended since the last record.
 */
import type { Backend, Matrix, Sums } from "../backend/backend.ts";
import type { Environment } from "../environments/environment.ts";
import { Episodes } from "../environments/episodes.ts";
import { environments, findEnvironment } from "../environments/registry.ts";
import { isEnvironment } from "../environments/steppable.ts";
import type { Examples } from "../estimators/gradient.ts";
import { count, flag, number, type Option, oneOf, perLayer, type ValuesOf } from "../estimators/options.ts";
import { type HiddenLayer, hiddenSpec, withOutput } from "../network/hidden.ts";
import { createNetwork, type NetworkSpec } from "../network/network.ts";
import type { Pass } from "../network/pass.ts";
import type { Evaluation, Objective } from "../objectives/objective.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { type CommonSettings, defineTask, type MetricRecord } from "./definition.ts";
import { readActions, type Task } from "./task.ts";
import type { TraceOptions, Transitions } from "./transitions.ts";

/** How an environment is lived in. */
export interface ControlOptions extends TraceOptions {
  /** Episodes side by side. */
  batchSize: number;
  /** Steps of training in all. */
  steps: number;
  /** Episodes after which it ends, if it comes to these before. */
  episodes?: number | undefined;
  /** Steps between two records. */
  recordEvery: number;
  /** Whether parameters move at every step, or when every episode of the batch is over. */
  update: "step" | "episode";
  /** What lies behind a cut: what the critic says of the state; nothing, as behind an end; or the step is not learned from. */
  atLimit: "bootstrap" | "end" | "skip";
  /** Whether the t-th step counts gamma^t. */
  discountStates: boolean;
  /** Whether the critic reads which step of its episode it is, in place of what is seen. */
  byTime?: boolean;
  seed: number;
}

/** An environment on a backend. */
export class Control implements Task {
  readonly backend: Backend;
  readonly batchSize: number;
  readonly input: Matrix;
  readonly objective: Objective;
  readonly examples: Examples;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  readonly metrics: readonly string[] = [];
  readonly steps: { readonly transitions: Transitions; readonly traces: TraceOptions };
  readonly numbers: Readonly<Record<"episodes" | "over" | "counts", Float64Array>>;
  readonly #options: ControlOptions;
  readonly #episodes: Episodes;
  /** Where an episode is over, and waits for the others. */
  readonly #over: Float64Array;
  /** Episodes that have ended; then, of those since the last record, how many, what they earned, how long they were. */
  readonly #counts: Float64Array;
  readonly #first: boolean[];
  readonly #seen: Float64Array;
  /** A 1 at each episode's step, where the critic reads that. */
  readonly #times: Float64Array;

  constructor(backend: Backend, environment: Environment, options: ControlOptions) {
    const { batchSize: B, steps, recordEvery, seed } = options;
    this.backend = backend;
    this.batchSize = B;
    this.stepsPerEpoch = recordEvery;
    this.totalSteps = steps;
    this.#options = options;
    this.#episodes = new Episodes(environment, B, seed);
    this.input = backend.matrix(B, environment.inputs);
    this.objective = rewardObjective(backend.matrix(B, 1));
    // No variance: rows are steps of episodes that go on.
    this.examples = { rows: B };
    this.#first = Array(B).fill(false);
    const times = options.byTime ? environment.limit + 1 : 0;
    this.#times = new Float64Array(B * times);
    const transitions: Transitions = {
      state: times > 0 ? backend.matrix(B, times) : this.input,
      next: backend.matrix(B, times || environment.inputs),
      rewards: this.#episodes.rewards,
      discounts: new Float64Array(B),
      weights: new Float64Array(B),
      first: this.#first,
      moves: false,
    };
    this.steps = { transitions, traces: options };
    this.#over = new Float64Array(B).fill(1);
    this.#counts = new Float64Array(4);
    this.numbers = { episodes: this.#episodes.numbers, over: this.#over, counts: this.#counts };
    this.#seen = new Float64Array(B * environment.inputs);
  }

  startEpoch(): void {}

  finished(): boolean {
    return this.#counts[0] >= (this.#options.episodes ?? Infinity);
  }

  load(): void {
    const { update } = this.#options;
    const all = this.#over.every((over) => over === 1);
    for (let b = 0; b < this.batchSize; b++) {
      if (this.#over[b] === 0 || (update === "episode" && !all)) continue;
      this.#episodes.begin(b);
      this.#over[b] = 0;
    }
    this.#episodes.observe(this.#seen);
    this.backend.write(this.input, this.#seen);
    if (this.#options.byTime) this.#tell(this.steps.transitions.state);
  }

  score({ layers }: Pass): void {
    const { update, atLimit, gamma, discountStates } = this.#options;
    const { transitions } = this.steps;
    const episodes = this.#episodes;
    const actions = readActions(this.backend, layers[layers.length - 1].bits);
    for (let b = 0; b < this.batchSize; b++) {
      if (this.#over[b] === 1) {
        transitions.weights[b] = 0;
        continue;
      }
      const t = episodes.steps(b);
      this.#first[b] = t === 0;
      transitions.weights[b] = discountStates ? gamma ** t : 1;
      episodes.step(b, actions[b]);
      const stops = episodes.ended[b] || (episodes.cut[b] && atLimit === "end");
      transitions.discounts[b] = stops ? 0 : gamma;
      if (episodes.cut[b] && atLimit === "skip") transitions.weights[b] = 0;
      if (episodes.ended[b] || episodes.cut[b]) this.#end(b);
    }
    episodes.observe(this.#seen);
    if (this.#options.byTime) this.#tell(transitions.next);
    else this.backend.write(transitions.next, this.#seen);
    transitions.moves = update === "step" || this.#over.every((over) => over === 1);
  }

  /** Tells which steps episodes are at. */
  #tell(out: Matrix): void {
    this.#times.fill(0);
    for (let b = 0; b < this.batchSize; b++) this.#times[b * out.columns + this.#episodes.steps(b)] = 1;
    this.backend.write(out, this.#times);
  }

  #end(b: number): void {
    this.#over[b] = 1;
    this.#counts[0]++;
    this.#counts[1]++;
    this.#counts[2] += this.#episodes.earned(b);
    this.#counts[3] += this.#episodes.steps(b);
  }

  addMetrics(_evaluation: Evaluation, _sums: Sums, _first: number): void {}

  /** Means over the episodes that have ended since it was called last, if any has. */
  async evaluate(): Promise<Record<string, number>> {
    const [episodes, ended, earned, steps] = this.#counts;
    this.#counts.fill(0, 1);
    return { episodes, ...(ended > 0 && { return: earned / ended, length: steps / ended }) };
  }
}

/** The actor: what is seen of a state, hidden layers, and one softmax unit over the actions. */
export const actorSpec = ({
  inputs,
  inputKind,
  actions,
  hidden,
  units,
  lastLogit,
}: Pick<Environment, "inputs" | "inputKind" | "actions"> &
  Pick<CommonSettings, "hidden" | "units"> & { lastLogit: "learned" | "fixed" }): NetworkSpec => {
  const output = { kind: "softmax", units: 1, choices: actions } as const;
  return {
    inputs,
    inputKind,
    units,
    layers: withOutput(hidden, lastLogit === "fixed" ? { ...output, reference: true } : output),
  };
};

const networkFor = (
  settings: CommonSettings & { environment: string | Environment; lastLogit: "learned" | "fixed" },
): NetworkSpec => {
  const { inputs, inputKind, actions } = findEnvironment(settings.environment);
  return actorSpec({ ...settings, inputs, inputKind, actions });
};

/** Units of a hidden layer. */
const widthOf = (layer: HiddenLayer): number => hiddenSpec(layer).units;

/** Widths of the critic's hidden layers beside an actor's; none: it is linear in what it reads; undefined: there is no critic. */
export const criticWidths = (
  kind: ControlSettings["critic"],
  hidden: readonly HiddenLayer[],
): readonly number[] | undefined =>
  ({ network: hidden.map(widthOf), linear: [], time: [], none: undefined })[kind];

/** What an episode earned, the mean over all episodes of a run. */
function overAllEpisodes(records: readonly MetricRecord[], name: string): number | undefined {
  const weighted = records.map((record, i) => {
    const ended = Number(record.episodes) - Number(records[i - 1]?.episodes ?? 0);
    return { ended, sum: ended === 0 ? 0 : ended * Number(record[name]) };
  });
  const total = weighted.reduce((sum, { ended }) => sum + ended, 0);
  return total === 0 ? undefined : weighted.reduce((sum, one) => sum + one.sum, 0) / total;
}

/** One that is called by name, or itself. */
const environmentOption: Option<string | Environment> = {
  ...oneOf(
    environments.map(({ name }) => name),
    { default: "cart-pole", says: "what is acted in: a name, or a file that exports one, as in ./mine.mjs" },
  ),
  accepts: (value) => environments.some(({ name }) => name === value) || isEnvironment(value),
};

/** How an environment is lived in, and learned from, as data. */
export const controlSettings = {
  environment: environmentOption,
  steps: count({ least: 1, default: 50000, says: "length of the run, in steps of every episode" }),
  episodes: count({
    least: 1,
    default: undefined,
    says: "end after so many episodes, if it comes to these before (default: go on to the last step)",
  }),
  recordEvery: count({ least: 1, default: 2000, says: "steps between two records" }),
  gamma: number({
    from: 0,
    to: 1,
    default: 0.98,
    says: "what a reward counts for each step that it comes later",
  }),
  traceLambda: number({
    from: 0,
    to: 1,
    default: 0.8,
    says: "how much of the actor's trace stays, beside gamma",
  }),
  critic: oneOf(["network", "linear", "time", "none"], {
    default: "network",
    says: "what says how much a state is worth: a network with the actor's widths, a linear map, a number for each time step, or nothing",
  }),
  criticLambda: number({ from: 0, to: 1, default: 0.8, says: "the same of the critic's trace" }),
  criticActivation: oneOf(["tanh", "softplus"], {
    default: "tanh",
    says: "what the critic's hidden units make of their logit: tanh of half of it, or softplus",
  }),
  criticRate: perLayer({
    zero: true,
    default: 0.001,
    says: "the critic's learning rate, one or one a layer",
  }),
  criticRateEnd: perLayer({
    zero: true,
    default: undefined,
    says: "what that moves to in the steps of --learning-rate-steps (default: it stays)",
  }),
  lastLogit: oneOf(["learned", "fixed"], {
    default: "learned",
    says: "whether the last action has a logit that learns, or one of 0, against which the others stand",
  }),
  update: oneOf(["step", "episode"], {
    default: "step",
    says: "when parameters move: after every step, or when all episodes of a batch are over",
  }),
  atLimit: oneOf(["bootstrap", "end", "skip"], {
    default: "bootstrap",
    says: "what lies behind a time limit: what the critic says, or nothing, as behind an end; or nothing is learned there",
  }),
  discountStates: flag({
    default: false,
    says: "let the t-th step count gamma^t, as the gradient of the discounted return has it",
  }),
};

/** The settings of the task, all of them. */
export type ControlSettings = ValuesOf<typeof controlSettings>;

/** Control of an environment. */
export const control = defineTask({
  name: "control",
  title: "Control",
  says: "A network of coin flips acts in an environment, step by step, and learns from temporal differences.",
  offers: ["reward"],
  settings: controlSettings,
  usual: { estimator: "hnca", hidden: [64, 32], units: "zero-one", batchSize: 1, learningRate: 0.001 },
  data: "none",
  length: "steps",
  over: ({ episodes }) => (episodes === undefined ? undefined : "episodes"),
  scaledBy: "environment",
  metrics: [
    { name: "return", title: "return", short: "return", digits: 2 },
    { name: "length", title: "length of an episode", digits: 1 },
    { name: "episodes", title: "episodes", short: "episodes" },
    {
      name: "meanReturn",
      title: "return, all episodes",
      digits: 2,
      of: (records) => overAllEpisodes(records, "return"),
    },
  ],
  curves: [
    {
      title: "Return",
      solid: "return",
      domain: (points) => {
        const values = points.map(({ value }) => value);
        return [Math.min(0, ...values), Math.max(0, ...values)];
      },
      axis: "~g",
      digits: 1,
    },
  ],
  note: "The return is of whole episodes, those that ended since the last record.",
  ended: ({ episodes = Infinity }, record) => Number(record.episodes) >= episodes,
  create: (backend, settings) => {
    const { critic: kind, ...options } = settings;
    const critic = criticWidths(kind, settings.hidden);
    return {
      task: new Control(backend, findEnvironment(settings.environment), {
        ...options,
        ...(critic && { critic }),
        byTime: kind === "time",
      }),
      network: createNetwork(backend, networkFor(settings)),
    };
  },
  learned: async (backend, settings) => ({
    network: createNetwork(backend, networkFor(settings)),
    input: "numbers",
  }),
});
