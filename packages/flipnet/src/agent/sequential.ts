/**
 * An agent for one's own loop: what it does now decides what it sees next, and rewards may be the later steps' as much as this
 * one's. It learns as in the task `control`, by temporal differences with eligibility traces (`training/actor-critic.ts`), and
 * on the same draws to the same bits; but whoever uses it steps.
 */
import type { ImmediateBackend, Matrix } from "../backend/backend.ts";
import { createWasmBackend } from "../backend/wasm.ts";
import type { Estimator } from "../estimators/estimator.ts";
import { completeOptions, type NamedOptions, oneOf, parseEstimatorText } from "../estimators/options.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { decode, encode, type Tensor } from "../formats/safetensors.ts";
import { isWhole } from "../formats/whole.ts";
import { type Draws, GeneratedDraws } from "../network/draws.ts";
import { checkAllowed, Exploration } from "../network/exploration.ts";
import type { HiddenLayer } from "../network/hidden.ts";
import { createNetwork, initialiseWeights, type Units } from "../network/network.ts";
import { rewardObjective } from "../objectives/reward.ts";
import { adam } from "../optimizers/adam.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { generator } from "../random/threefry.ts";
import { actorSpec, type ControlSettings, control, controlSettings, criticWidths } from "../tasks/control.ts";
import { readActions } from "../tasks/task.ts";
import type { Transitions } from "../tasks/transitions.ts";
import { ActorCritic } from "../training/actor-critic.ts";
import { optimizerIn } from "../training/learner.ts";
import { refuseStrangers, takeTensor, tensorOf } from "../training/parameters.ts";
import {
  checkEvery,
  checkFinite,
  checkGenerator,
  checkNumbers,
  checkReward,
  checkShapes,
  checkWeights,
  randomName,
} from "./checks.ts";
import { type Closed, Decisions } from "./decisions.ts";
import { checkSamples, type Likelihoods, Oracle } from "./oracle.ts";
import { type Floor, floorAt, isSmall, described as ofAgents, parseJson, settingsText } from "./settings.ts";

/** What a sequential agent is made of; what is left out is as in the task `control`: see docs/control.md. */
export interface SequentialAgentOptions
  extends Partial<
    Pick<
      ControlSettings,
      | "gamma"
      | "traceLambda"
      | "criticLambda"
      | "criticActivation"
      | "criticRate"
      | "criticRateEnd"
      | "lastLogit"
      | "update"
      | "discountStates"
    >
  > {
  /** Numbers in an observation. */
  inputs: number;
  /** What says how much an observation is worth: a network (default), a linear map, or nothing. */
  critic?: "network" | "linear" | "none";
  /** Number of actions, at least 2. */
  actions: number;
  /** Real numbers (default), or bits. */
  inputKind?: "real" | "bits";
  /** Hidden layers of the actor, input side first; default [64, 32]. The critic has the same widths. */
  hidden?: readonly HiddenLayer[];
  /** Coding of hidden units; default "zero-one". */
  units?: Units;
  /** Default HNCA; one whose credit is linear in the reward. */
  estimator?: Estimator;
  /** Default Adam with a rate of 0.001. */
  optimizer?: OptimizerFactory;
  /** Decides initial weights and every draw; whole number, default 0. */
  seed?: number;
  /** So many actions are drawn from all that are allowed alike: a number, or one that falls with the decisions; default 0. */
  floor?: Floor;
}

/** What may be done. */
export interface SequentialDecideOptions {
  /** What it is called; default: a name that no other decision has. */
  id?: string;
  /** Numbers of the actions that may be chosen; default: all. */
  allowed?: readonly number[];
}

/** What it decided. */
export interface SequentialDecision {
  readonly id: string;
  /** 0 to `actions - 1`. */
  readonly action: number;
  /** Of this action, given what the coins did. */
  readonly probability: number;
  /** Under the probabilities. */
  readonly floor: number;
  /** The how-manieth decision it is, from 1: it decides the draws. */
  readonly step: number;
}

/** What comes behind a step. */
export interface OutcomeOptions {
  /** Whether the episode ended with it: nothing comes behind, and it is worth nothing. Default false. */
  terminal?: boolean;
  /** What was seen where the episode was cut, as by a limit of time: it would have gone on from there. */
  truncated?: ArrayLike<number>;
}

/** A decision until it has been learned from, which its next state or its end makes possible. */
interface Step extends SequentialDecision {
  readonly context: readonly number[];
  readonly allowed?: readonly number[];
  reward?: number;
}

/** What a decision is made from. */
type Seen = Pick<Step, "floor" | "step"> & {
  readonly context: ArrayLike<number>;
  readonly allowed?: readonly number[] | undefined;
};

const decideOptions: Names<SequentialDecideOptions> = { id: 1, allowed: 1 };
const outcomeOptions: Names<OutcomeOptions> = { terminal: 1, truncated: 1 };
type ProbabilityOptions = Pick<SequentialDecideOptions, "allowed"> & { samples?: number };
const probabilityOptions: Names<ProbabilityOptions> = { allowed: 1, samples: 1 };

const { gamma, traceLambda, criticLambda, criticActivation } = controlSettings;
const { criticRate, criticRateEnd, lastLogit, update, discountStates } = controlSettings;
const described = {
  inputs: ofAgents.inputs,
  actions: ofAgents.actions,
  inputKind: ofAgents.inputKind,
  hidden: { ...ofAgents.hidden, default: control.usual.hidden },
  units: { ...ofAgents.units, default: control.usual.units },
  estimator: ofAgents.estimator,
  optimizer: { ...ofAgents.optimizer, default: adam({ learningRate: control.usual.learningRate }) },
  seed: ofAgents.seed,
  floor: ofAgents.floor,
  critic: oneOf(["network", "linear", "none"], { default: "network", says: "" }),
  ...{ gamma, traceLambda, criticLambda, criticActivation },
  ...{ criticRate, criticRateEnd, lastLogit, update, discountStates },
};

/** Ids that are remembered once they are closed. */
const remembered = 1000;

/** A new one, on a wasm backend unless another is given. @throws InputError for options that make none */
export async function createSequentialAgent(
  options: SequentialAgentOptions,
  backend?: ImmediateBackend,
): Promise<SequentialAgent> {
  return new SequentialAgent(backend ?? (await createWasmBackend()), options);
}

/** A sequential agent; `createSequentialAgent` and `loadSequentialAgent` make one. */
export class SequentialAgent {
  readonly #backend: ImmediateBackend;
  readonly #settings: ReturnType<typeof settingsOf>;
  readonly #learner: ActorCritic;
  readonly #transitions: Transitions & { readonly first: boolean[] };
  readonly #input: Matrix;
  readonly #draws: GeneratedDraws;
  readonly #exploration: Exploration | undefined;
  readonly #oracle: Oracle;
  readonly #decisions = new Decisions<Step>(remembered);
  readonly #name = randomName();
  /** The last decision of the episode, where that goes on. */
  #last: Step | undefined;
  #decided = 0;
  #learned = 0;
  #ended = 0;
  /** Steps of this episode that were learned from. */
  #time = 0;

  /** @throws InputError for options that make none */
  constructor(backend: ImmediateBackend, options: SequentialAgentOptions) {
    const settings = settingsOf(options);
    const { inputs, seed, estimator, optimizer, critic, floor, ...traces } = settings;
    const network = createNetwork(backend, actorSpec(settings));
    this.#backend = backend;
    this.#settings = settings;
    this.#input = backend.matrix(1, inputs);
    this.#transitions = {
      state: this.#input,
      next: backend.matrix(1, inputs),
      rewards: new Float64Array(1),
      discounts: new Float64Array(1),
      weights: new Float64Array(1),
      first: [true],
      moves: false,
    };
    const objective = rewardObjective(backend.matrix(1, 1));
    if (estimator.explores) this.#exploration = new Exploration(backend, 1, settings.actions);
    else if (floor !== 0) {
      throw new InputError(`${estimator.name} cannot learn under a floor; expected hnca or reinforce`);
    }
    const exploration = this.#exploration;
    const problem = { network, input: this.#input, objective, baseline: "none", baselineDecay: 0 } as const;
    this.#learner = new ActorCritic(
      estimator,
      { ...problem, ...(exploration && { exploration }) },
      optimizer,
      this.#transitions,
      { ...traces, critic: criticWidths(critic, settings.hidden) },
    );
    initialiseWeights(backend, this.#learner.parameters, seed);
    this.#draws = new GeneratedDraws(backend, seed);
    this.#oracle = new Oracle(backend, network, seed, exploration && "choices");
  }

  /** How often it has decided. */
  get steps(): number {
    return this.#decided;
  }

  /** Decisions that it has learned from. */
  get version(): number {
    return this.#learned;
  }

  /** Episodes that have ended. */
  get episodes(): number {
    return this.#ended;
  }

  /**
   * Learns from the step before, which has come to this, unless an episode begins; and decides what to do.
   *
   * @param context what is seen, `inputs` numbers
   * @throws InputError for what cannot be seen, and where the decision before has no reward yet
   */
  decide(context: ArrayLike<number>, options: SequentialDecideOptions = {}): SequentialDecision {
    refuseUnknown("decide", decideOptions, options);
    const { id = `${this.#name}-${this.#decided + 1}`, allowed } = options;
    this.#check(context, "the context");
    this.#checkAmong(allowed);
    this.#decisions.checkNew(id);
    if (this.#last !== undefined) {
      if (this.#last.reward === undefined) {
        throw new InputError(
          `the decision "${this.#last.id}" has no reward yet; expected reward() or cancel() before the next decide()`,
        );
      }
      this.#learn(this.#last, this.#last.reward, context);
    }
    const floor = floorAt(this.#settings, this.#decided);
    const step = ++this.#decided;
    this.#sample({ context, floor, step, allowed }, this.#draws);
    const { p, bits } = this.#output;
    const [action] = readActions(this.#backend, bits);
    const law = this.#backend.readNow(this.#exploration?.law ?? p);
    const decision = { id, action, probability: law[action], floor, step };
    this.#last = { ...decision, context: Array.from(context), ...(allowed && { allowed: [...allowed] }) };
    this.#decisions.add(this.#last);
    return decision;
  }

  /**
   * What the decision earned, once; learned from with the next `decide`, or at once where the episode is over.
   *
   * @throws DecisionError for a decision that does not wait for it: an `InputError` that says why in `status`
   * @throws InputError for what is no reward; the decision goes on waiting
   */
  reward(id: string, value: number, options: OutcomeOptions = {}): void {
    refuseUnknown("reward", outcomeOptions, options);
    const { terminal = false, truncated } = options;
    checkReward(value, "the reward");
    if (typeof terminal !== "boolean") {
      throw new InputError(`terminal is ${String(terminal)}; expected true or false`);
    }
    if (truncated !== undefined) this.#check(truncated, "what was seen where it was truncated");
    if (terminal && truncated !== undefined) {
      throw new InputError("the episode is terminal and truncated; expected one of them");
    }
    const step = this.#decisions.find(id);
    this.#decisions.close(step, "rewarded");
    step.reward = value;
    if (!terminal && truncated === undefined) return;
    this.#learn(step, value, truncated, true);
    this.#end();
  }

  /**
   * The episode is over without more being known: nothing is learned from its last decision, and the next one begins another.
   * With `update: "episode"`, what its other steps have gathered moves parameters when the next episode ends.
   */
  cancel(): void {
    if (this.#last === undefined) return;
    if (this.#last.reward === undefined) this.#decisions.close(this.#last, "cancelled");
    this.#end();
  }

  /**
   * The probability of every action: the mean over samples of the coins, with the standard error of each. Changes nothing.
   *
   * @throws InputError for a context that cannot be used, or a number of samples that is no whole number from 2 on
   */
  probabilities(context: ArrayLike<number>, options: ProbabilityOptions = {}): Likelihoods {
    refuseUnknown("probabilities", probabilityOptions, options);
    const { samples = 100, allowed } = options;
    this.#check(context, "the context");
    this.#checkAmong(allowed);
    checkSamples(samples);
    return this.#oracle.ask(
      [context],
      samples,
      this.#decided,
      floorAt(this.#settings, this.#decided),
      allowed,
    );
  }

  /** The most probable action of `probabilities`. */
  best(context: ArrayLike<number>, options?: ProbabilityOptions): number {
    const { probabilities } = this.probabilities(context, options);
    return probabilities.indexOf(Math.max(...probabilities));
  }

  /**
   * The agent as a safetensors file, its traces and a decision that waits included: see `loadSequentialAgent`.
   *
   * @throws RunError where its weights are not finite: the file before is better
   */
  async save(): Promise<Uint8Array> {
    let tensors: Record<string, Tensor>;
    let before: string;
    // What is read is of one moment: where somebody learned in between, it is read again.
    do {
      before = this.#state();
      tensors = await this.#learner.tensors();
      if (this.#last === undefined) continue;
      for (const [i, { bits }] of this.#learner.estimator.pass.layers.entries()) {
        tensors[`bits.${i}`] = tensorOf(this.#backend, [1, bits.columns], this.#backend.readNow(bits));
      }
    } while (before !== this.#state());
    checkFinite(tensors, this.#learner);
    const { optimizer: _, ...settings } = this.#settings;
    return encode(tensors, { sequential: settingsText(settings), state: this.#state(), generator });
  }

  /** The agent that `save` gave. @throws InputError for bytes that are none, or that had another optimizer */
  static async load(
    backend: ImmediateBackend | undefined,
    bytes: Uint8Array | ArrayBuffer,
    optimizer: OptimizerFactory | undefined,
    create: (named: NamedOptions) => Estimator,
  ): Promise<SequentialAgent> {
    const { tensors, metadata } = decode(bytes, "the agent");
    if (metadata.sequential === undefined) {
      throw new InputError("the file holds no sequential agent; expected one that save() made");
    }
    checkGenerator(metadata);
    const settings = settingsOf(optionsIn(metadata.sequential, create));
    checkShapes(tensors, actorSpec(settings));
    const same = optimizer ?? optimizerIn(tensors, settings.hidden.length + 1, "the agent");
    const agent = await createSequentialAgent({ ...settings, ...(same && { optimizer: same }) }, backend);
    agent.#restore(tensors, metadata.state);
    return agent;
  }

  get #output() {
    const { layers } = this.#learner.estimator.pass;
    return layers[layers.length - 1];
  }

  #check(context: ArrayLike<number>, name: string): void {
    checkNumbers(context, this.#settings.inputs, this.#settings.inputKind, name);
  }

  #checkAmong(allowed: readonly number[] | undefined): void {
    if (allowed === undefined) return;
    checkAllowed(allowed, this.#settings.actions);
    if (this.#exploration !== undefined) return;
    const { name } = this.#settings.estimator;
    throw new InputError(`${name} cannot learn under a mask of actions; expected hnca or reinforce`);
  }

  #sample({ context, floor, step, allowed }: Seen, draws: Draws): void {
    this.#backend.write(this.#input, context);
    this.#exploration?.set(0, floor, allowed);
    this.#draws.startStep(step);
    this.#learner.sample(draws);
  }

  /** @param next what is seen behind the step; undefined: its episode has ended by itself */
  #learn(step: Step, reward: number, next: ArrayLike<number> | undefined, over = false): void {
    const { gamma, update, discountStates } = this.#settings;
    const transitions = this.#transitions;
    transitions.rewards[0] = reward;
    transitions.discounts[0] = next === undefined ? 0 : gamma;
    transitions.weights[0] = discountStates ? gamma ** this.#time : 1;
    transitions.first[0] = this.#time === 0;
    transitions.moves = update === "step" || over;
    this.#backend.write(transitions.next, next ?? step.context);
    this.#learner.learn();
    this.#time++;
    if (++this.#learned % checkEvery === 0) checkWeights(this.#backend, this.#learner);
  }

  #end(): void {
    this.#last = undefined;
    this.#time = 0;
    this.#ended++;
  }

  /** All but tensors. */
  #state(): string {
    return JSON.stringify({
      decided: this.#decided,
      learned: this.#learned,
      ended: this.#ended,
      time: this.#time,
      last: this.#last,
      closed: [...this.#decisions.closed],
    } satisfies State);
  }

  #restore(tensors: Record<string, Tensor>, text: string | undefined): void {
    const state = parseJson(text ?? "", "its counts") as State;
    const { layers } = this.#learner.estimator.pass;
    if (!isState(state)) throw damaged("its counts are none of its own");
    const { last } = state;
    this.#learner.restore(tensors, "the agent");
    this.#decided = state.decided;
    this.#learned = state.learned;
    this.#ended = state.ended;
    this.#time = state.time;
    this.#decisions.restore([], state.closed);
    if (last !== undefined) {
      this.#check(last.context, "what was seen last");
      this.#checkAmong(last.allowed);
      const bits = layers.map(
        ({ bits }, i) => takeTensor(tensors, `bits.${i}`, [1, bits.columns], "the agent").data,
      );
      this.#redo(last, bits as ArrayLike<number>[]);
      this.#last = last;
      if (last.reward === undefined) this.#decisions.restore([last]);
    }
    refuseStrangers(tensors, "the agent");
  }

  /** Its units do again what they did. @throws InputError where that was another action */
  #redo(last: Step, bits: readonly ArrayLike<number>[]): void {
    const { layers } = this.#learner.estimator.pass;
    const done: Draws = {
      draw: (site, law) => {
        if (site.branch > 0) this.#draws.draw(site, law);
        else this.#backend.write(layers[site.layer.index].bits, bits[site.layer.index]);
      },
    };
    if (bits.some((layer) => Array.from(layer).some((x) => x !== 0 && x !== 1))) {
      throw damaged("what its units did are no bits");
    }
    this.#sample(last, done);
    const [redone] = readActions(this.#backend, this.#output.bits);
    if (redone !== last.action) throw damaged(`what it keeps is not of action ${last.action}`);
  }
}

interface State {
  readonly decided: number;
  readonly learned: number;
  readonly ended: number;
  readonly time: number;
  readonly last: Step | undefined;
  readonly closed: readonly [string, Closed][];
}

/** The options that a file's text gives. @throws InputError for one that `save` did not write */
function optionsIn(text: string, create: (named: NamedOptions) => Estimator): SequentialAgentOptions {
  const saved = parseJson(text, "its settings") as SequentialAgentOptions;
  if (typeof saved !== "object" || saved === null) throw damaged(`its settings are ${text}`);
  return { ...saved, estimator: create(parseEstimatorText(String(saved.estimator))) };
}

const damaged = (how: string) => new InputError(`the file of the agent is damaged: ${how}`);

/** Whether it is one that `save` wrote, of whatever agent. */
function isState(value: unknown): value is State {
  if (typeof value !== "object" || value === null) return false;
  const { decided, learned, ended, time, last, closed } = value as State;
  const isClosed = (one: unknown) =>
    Array.isArray(one) &&
    one.length === 2 &&
    typeof one[0] === "string" &&
    (one[1] === "rewarded" || one[1] === "cancelled");
  return (
    [decided, learned, ended, time].every((one) => isWhole(one, 0)) &&
    learned <= decided &&
    time <= learned &&
    ended <= decided &&
    Array.isArray(closed) &&
    closed.every(isClosed) &&
    new Set(closed.map(([id]) => id)).size === closed.length &&
    (last === undefined || isStep(last, decided))
  );
}

function isStep(value: Step, decided: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { id, action, probability, floor, step, context, allowed, reward } = value;
  return (
    typeof id === "string" &&
    id !== "" &&
    isWhole(action, 0) &&
    probability > 0 &&
    probability <= 1 &&
    floor >= 0 &&
    floor <= 1 &&
    step === decided &&
    (allowed === undefined || (Array.isArray(allowed) && allowed.includes(action))) &&
    Array.isArray(context) &&
    (reward === undefined || isSmall(reward))
  );
}

/** All settings. @throws InputError for what makes no agent */
function settingsOf(options: SequentialAgentOptions) {
  if (typeof options !== "object" || options === null) {
    throw new InputError(`the agent's options are ${String(options)}; expected at least { inputs, actions }`);
  }
  const { inputs, actions, ...settings } = completeOptions("the agent", described, { ...options });
  if (inputs === undefined || actions === undefined) {
    const [name, { expected }] =
      inputs === undefined
        ? (["inputs", described.inputs] as const)
        : (["actions", described.actions] as const);
    throw new InputError(`${name} of the agent is missing; expected ${expected}`);
  }
  return { ...settings, inputs, actions };
}
