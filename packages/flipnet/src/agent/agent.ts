/** A contextual-bandit agent that learns online: it decides, is told the rewards whenever they come, and learns. */
import type { ImmediateBackend } from "../backend/backend.ts";
import type { Baseline } from "../estimators/baseline.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { decode, encode, type Tensor } from "../formats/safetensors.ts";
import { isWhole } from "../formats/whole.ts";
import { checkAllowed } from "../network/exploration.ts";
import { createNetwork, initialiseWeights, type Network } from "../network/network.ts";
import type { Optimizer, OptimizerFactory } from "../optimizers/optimizer.ts";
import { generator } from "../random/threefry.ts";
import { refuseStrangers, takeTensor, tensorOf } from "../training/parameters.ts";
import {
  checkEvery,
  checkFinite,
  checkGenerator,
  checkNumbers,
  checkReward,
  checkWeights,
  randomName,
  shown,
} from "./checks.ts";
import { type Among, type Decision, Decisions, type Handed, type Pending } from "./decisions.ts";
import { backendFor } from "./kernels.ts";
import { checkLogged, type LoggedDecision } from "./off-policy.ts";
import { checkSamples, type Likelihoods, Oracle } from "./oracle.ts";
import { type Played, Player } from "./player.ts";
import { countsIn, type SavedAgent } from "./saved.ts";
import {
  type AgentOptions,
  baselineOf,
  floorAt,
  type Settings,
  settingsOf,
  settingsText,
  specOf,
  usualOptimizer,
} from "./settings.ts";

/**
 * A new agent, on a wasm backend unless another is given, with the kernels that are fastest for its size on this host.
 * Throws `InputError` for options that make none.
 */
export async function createAgent(options: AgentOptions, backend?: ImmediateBackend): Promise<Agent> {
  return new Agent(backend ?? (await backendFor(settingsOf(options).settings)), options);
}

/** How a decision is to be made. */
export interface DecideOptions extends Among {
  /** What it is called; default: a name that no other decision has. */
  id?: string;
  /** Milliseconds, of any clock that `reward` goes by as well; default `Date.now()`. */
  now?: number;
  /**
   * Passes of coins that the `probability` of the decision is the mean of, its own one included; default 1. More of them
   * leave a log as unbiased as it is, with less variance.
   */
  passes?: number;
}

/** When something happens. */
export type TimeOptions = Pick<DecideOptions, "now">;

/** Whose probabilities, and how exactly. */
export interface ProbabilityOptions extends Among {
  /** Samples of the coins; default 100. */
  samples?: number;
}

/** How to learn from a decision of somebody else. */
export interface LearnLoggedOptions {
  /** Whether to become more likely to do the same, whatever it earned; default: no. */
  imitate?: boolean;
  /** The largest weight; default the agent's own `weightClip`. */
  weightClip?: number;
}

/** Passes of coins behind the probability of what is imitated. */
const imitatedPasses = 10;

const decideOptions: Names<DecideOptions> = { allowed: 1, actions: 1, id: 1, now: 1, passes: 1 };
const probabilityOptions: Names<ProbabilityOptions> = { allowed: 1, actions: 1, samples: 1 };
const learnLoggedOptions: Names<LearnLoggedOptions> = { imitate: 1, weightClip: 1 };
const timeOptions: Names<TimeOptions> = { now: 1 };

/** Sizes of batches whose buffers are kept; and of decisions among actions with features. */
const [keptBatches, keptDecisions] = [4, 32];

/** An agent; `createAgent` and `loadAgent` make one. */
export class Agent {
  readonly #backend: ImmediateBackend;
  readonly #settings: Settings;
  readonly #network: Network;
  readonly #optimizer: Optimizer;
  readonly #baseline: Baseline;
  readonly #single: Player;
  /** By size, the one that was used last at the end. */
  readonly #batches = new Map<number, Player>();
  readonly #oracle: Oracle;
  /** For other passes of the same decision: so that the first one's buffers stay. */
  readonly #others: Oracle;
  readonly #decisions: Decisions;
  /** Whose running baseline is the current one. */
  #current: Player;
  /** What `act` or `actBatch` did last and `learn` may follow; undefined where something came between. */
  #acted: { readonly player: Player; readonly rows: number } | undefined;
  /** How often they were called since `learn` was. */
  #acts = 0;
  #played = 0;
  #learned = 0;
  /** The beginning of its ids: no other agent has it, a copy of this one neither. */
  readonly #name = randomName();

  /**
   * Throws `InputError` for options that make no network. Coins begin as half-spaces, other units as Glorot has them; the
   * output's weights begin at 0: no action is preferred before there was a reward.
   */
  constructor(backend: ImmediateBackend, options: AgentOptions) {
    const { settings, optimizer = usualOptimizer(settings) } = settingsOf(options);
    const { seed } = settings;
    this.#settings = settings;
    this.#backend = backend;
    this.#network = createNetwork(backend, specOf(settings));
    const { layers } = this.#network;
    const inner = layers.slice(0, -1);
    const coins = inner.filter(({ kind }) => kind === "bernoulli");
    initialiseWeights(backend, inner, seed);
    initialiseWeights(backend, coins, seed, "half-spaces");
    this.#baseline = baselineOf(settings);
    this.#single = new Player(backend, this.#network, settings, this.#baseline, optimizer, 1);
    this.#optimizer = this.#single.learner.optimizer;
    this.#current = this.#single;
    const among = settings.actions === undefined ? "rows" : "choices";
    const explores = settings.estimator.explores ? among : undefined;
    this.#oracle = new Oracle(backend, this.#network, seed, explores);
    this.#others = new Oracle(backend, this.#network, seed, explores);
    this.#decisions = new Decisions(settings.maxPending);
  }

  /** Rewards that it has learned from: the version of its weights. */
  get version(): number {
    return this.#learned;
  }

  /** Times that it has decided or acted. */
  get steps(): number {
    return this.#played;
  }

  /** Decisions that wait for a reward. */
  get pending(): number {
    return this.#decisions.size;
  }

  /** Whether it remembers a decision of this id, its own or one that it has learned from. */
  knows(id: string): boolean {
    return this.#decisions.knows(id);
  }

  /**
   * Decides what to do in a context of `inputs` numbers. The decision waits for `reward`, until it expires.
   *
   * @throws InputError for a context or an id that cannot be used, and with an estimator that cannot learn late
   */
  decide(context: ArrayLike<number>, options: DecideOptions = {}): Decision {
    refuseUnknown("decide", decideOptions, options);
    const { allowed, actions, id, now = Date.now(), passes = 1 } = options;
    this.#checkContext(context, "the context");
    this.#checkAmong(allowed, actions);
    this.#checkLate();
    if (id !== undefined) this.#decisions.checkNew(id);
    if (!isWhole(passes, 1)) {
      throw new InputError(`there are ${shown(passes)} passes; expected a whole number from 1 on`);
    }
    this.expire(now);
    if (this.#decisions.full) this.#expire(this.#decisions.oldest!);
    const floor = floorAt(this.#settings, this.#played);
    const player = this.#batch(actions?.length ?? 1);
    const [action] = this.#play(player, [context], floor, allowed, actions);
    this.#acted = undefined;
    const probability = player.probability(action);
    const name = id ?? `${this.#name}-${this.#played}`;
    this.#decisions.add({
      id: name,
      action,
      probability,
      floor,
      ...(allowed && { allowed: [...allowed] }),
      ...(actions && { rows: actions.length }),
      time: now,
      step: this.#played,
      version: this.#learned,
      kept: player.keep(),
      rewarded: false,
    });
    const mean = this.#meanOf(passes, context, { action, probability, floor }, { allowed, actions });
    return { id: name, action, probability: mean, floor, version: this.#learned, step: this.#played };
  }

  /**
   * Learns from the reward of a decision, in whatever order rewards come.
   *
   * @throws DecisionError for a decision that does not wait for one: an `InputError` that says why in `status`
   * @throws InputError for a reward that is no number or too large; the decision goes on waiting
   */
  reward(id: string, value: number, options: TimeOptions = {}): void {
    refuseUnknown("reward", timeOptions, options);
    const { now = Date.now() } = options;
    checkReward(value, "the reward");
    this.expire(now);
    const decision = this.#decisions.find(id);
    this.#learnLate(decision, value);
    decision.rewarded = true;
    if (this.#settings.rewards === "first") this.#decisions.close(decision, "rewarded");
  }

  /**
   * Forgets a decision that was not carried out: nothing is learned from it. Without an id, what `act` did.
   *
   * @throws DecisionError for a decision that does not wait
   */
  cancel(id?: string): void {
    if (id !== undefined) {
      this.#decisions.close(this.#decisions.find(id), "cancelled");
      return;
    }
    this.#acted = undefined;
    this.#acts = 0;
  }

  /**
   * A decision that waits, for `takeOver` of another agent of the same settings: that one is to learn from it, this one
   * forgets it.
   *
   * @throws DecisionError for a decision that does not wait
   */
  handOver(id: string): Handed {
    const { time: _time, step: _step, rewarded: _rewarded, ...handed } = this.#decisions.take(id);
    return handed;
  }

  /**
   * Waits for the reward of a decision that another agent of the same settings has made, unless it knows its id already: then
   * nothing happens, and it gives false.
   *
   * @throws InputError for what no such agent handed over
   */
  takeOver(handed: Handed, options: TimeOptions = {}): boolean {
    refuseUnknown("takeOver", timeOptions, options);
    const { now = Date.now() } = options;
    const { id, action, probability, floor, version, allowed, rows, kept } = handed;
    this.#checkLate();
    const { actions } = this.#settings;
    if (actions === undefined ? !isWhole(rows, 1) : rows !== undefined) {
      throw new InputError(
        `the decision is among ${shown(rows)} rows; expected ${actions === undefined ? "a number of them" : "none"}`,
      );
    }
    const length = this.#keptLength(handed);
    if (typeof id !== "string" || id === "" || kept?.length !== length || !kept.every(Number.isFinite)) {
      throw new InputError(
        `the decision ${shown(id)} with ${kept?.length} numbers is none of this agent's settings; expected ${length} finite ones`,
      );
    }
    checkLogged({ context: kept, action, probability, reward: 0 }, "the decision");
    if (allowed !== undefined) checkAllowed(allowed, actions ?? rows!);
    checkChosen(action, actions ?? rows!, allowed, "the action of the decision");
    if (!this.#batch(rows ?? 1).couldKeep(kept, action)) {
      throw new InputError(`what is kept of the decision "${id}" is not of action ${action}`);
    }
    if (!(floor >= 0 && floor <= 1 && version >= 0 && version <= this.#learned)) {
      throw new InputError(
        `the decision has floor ${shown(floor)} and version ${shown(version)}; expected a share, and a version of this agent, 0 to ${this.#learned}`,
      );
    }
    if (this.knows(id)) return false;
    this.expire(now);
    if (this.#decisions.full) this.#expire(this.#decisions.oldest!);
    const step = ++this.#played;
    this.#decisions.add({
      ...{ id, action, probability, floor, version, kept, step, time: now, rewarded: false },
      ...(allowed && { allowed }),
      ...(rows !== undefined && { rows }),
    });
    return true;
  }

  /**
   * Becomes what another agent of the same settings was when it was saved; decisions of its own go on waiting, and its draws
   * go on from its own seed.
   *
   * @throws InputError for bytes of no agent, or of one with other settings
   */
  follow(bytes: Uint8Array | ArrayBuffer): void {
    const { tensors, metadata } = decode(bytes, "the agent");
    checkGenerator(metadata);
    const own = settingsText(this.#settings);
    if (withoutSeed(metadata.agent ?? "none") !== withoutSeed(own)) {
      throw new InputError(`the agent has the settings ${metadata.agent}; expected ${own}, but for the seed`);
    }
    const { played, learned } = countsIn(metadata);
    this.#follow(this.#single);
    this.#acted = undefined;
    this.#single.learner.restore(tensors, "the agent");
    this.#learned = learned;
    // Draws are never used twice.
    this.#played = Math.max(this.#played, played);
  }

  /**
   * Ends the decisions that are older than `expireAfter`: those without a reward get the default one. `decide` and `reward`
   * do this by themselves. Gives their ids.
   *
   * @throws InputError for a time that is no number
   */
  expire(now: number = Date.now()): string[] {
    if (!Number.isFinite(now)) throw new InputError(`now is ${shown(now)}; expected milliseconds`);
    const { expireAfter = Infinity } = this.#settings;
    const expired: string[] = [];
    for (let one = this.#decisions.oldest; one !== undefined; one = this.#decisions.oldest) {
      if (now - one.time < expireAfter) break;
      this.#expire(one);
      expired.push(one.id);
    }
    return expired;
  }

  /**
   * The probability of every action in a context: the mean of its conditional probabilities over samples of the coins
   * that nobody else sees, with the standard error of each mean. Without hidden layers it is exact. Changes nothing, and the
   * same question before the next decision gets the same answer.
   *
   * @throws InputError for a context that cannot be used, or a number of samples that is no whole number from 2 on
   */
  probabilities(context: ArrayLike<number>, options: ProbabilityOptions = {}): Likelihoods {
    refuseUnknown("probabilities", probabilityOptions, options);
    const { allowed, actions, samples = 100 } = options;
    this.#checkContext(context, "the context");
    this.#checkAmong(allowed, actions);
    checkSamples(samples);
    const floor = floorAt(this.#settings, this.#played);
    return this.#oracle.ask(rowsOf(context, actions), samples, this.#played, floor, allowed);
  }

  /** The most probable action of `probabilities`. */
  best(context: ArrayLike<number>, options?: ProbabilityOptions): number {
    const { probabilities } = this.probabilities(context, options);
    return probabilities.indexOf(Math.max(...probabilities));
  }

  /**
   * Learns from an action that somebody else chose, as a log has it: what it earned, by the policy's gradient with the weight
   * `p~(a | coins) / probability`, clipped to `weightClip`; or, to `imitate`, by that of the logarithm of the action's
   * probability, estimated from ten passes of coins. See `learnFromLog`.
   *
   * @throws InputError for a decision that cannot be learned from
   */
  learnLogged(logged: LoggedDecision, options: LearnLoggedOptions = {}): void {
    refuseUnknown("learnLogged", learnLoggedOptions, options);
    const { imitate = false, weightClip = this.#settings.weightClip } = options;
    const { context, allowed, actions, action, probability, reward, id } = logged;
    checkLogged(logged);
    this.#checkContext(context, "the logged context");
    this.#checkAmong(allowed, actions);
    this.#checkLate();
    checkReward(reward, "the logged reward");
    checkChosen(action, this.#settings.actions ?? actions!.length, allowed, "the logged action");
    const player = this.#batch(actions?.length ?? 1);
    this.#follow(player);
    this.#acted = undefined;
    this.#countLearned();
    const floor = floorAt(this.#settings, this.#played++);
    const weigh = (own: number) =>
      imitate
        ? own /
          this.#meanOf(imitatedPasses, context, { action, probability: own, floor }, { allowed, actions })
        : Math.min(weightClip, own / probability);
    const past = { action, floor, step: this.#played, ...(allowed && { allowed }) };
    const earned = imitate ? undefined : this.#clip(reward);
    player.learnOther(context, past, earned, weigh, this.#learned, actions);
    if (id !== undefined && !this.knows(id)) this.#decisions.remember(id, "rewarded");
  }

  /** Samples an action, 0 to `actions - 1`, for a context of `inputs` numbers. Its reward is for `learn`, before anything else. */
  act(context: ArrayLike<number>): number {
    return this.actBatch([context])[0];
  }

  /** Learns from the reward of the last action. */
  learn(reward: number): void {
    this.learnBatch([reward]);
  }

  /** An action for each context. Throws `InputError` for a context of another length or with a number it cannot be. */
  actBatch(contexts: readonly ArrayLike<number>[]): number[] {
    if (this.#settings.actions === undefined) {
      throw new InputError("the actions of the agent have features; expected decide(context, { actions })");
    }
    if (contexts.length === 0) throw new InputError("there are no contexts; expected at least one");
    for (let b = 0; b < contexts.length; b++) this.#checkContext(contexts[b], "context", b);
    const player = this.#batch(contexts.length);
    const actions = this.#play(player, contexts, floorAt(this.#settings, this.#played));
    this.#acted = { player, rows: contexts.length };
    this.#acts++;
    return actions;
  }

  /**
   * Learns from the rewards of the last actions, one each. Throws `InputError` where there are more or fewer, where one
   * is no number or too large, or where they could be those of other actions.
   */
  learnBatch(rewards: readonly number[]): void {
    if (this.#acts > 1) {
      throw new InputError(
        `act was called ${this.#acts} times, and the reward could be any call's; expected learn after each, decide and reward, or cancel() before the act that counts`,
      );
    }
    if (this.#acts === 1 && this.#acted === undefined) {
      throw new InputError(
        "decide or reward came between act and learn; expected learn right after act, or decide and reward",
      );
    }
    const { player, rows } = this.#acted ?? { player: this.#single, rows: 0 };
    if (rewards.length !== rows) {
      throw new InputError(`there are ${rewards.length} rewards; expected ${rows}, one for each action`);
    }
    for (let b = 0; b < rewards.length; b++) checkReward(rewards[b], "reward", b);
    this.cancel();
    this.#countLearned();
    player.learn(
      rewards.map((reward) => this.#clip(reward)),
      this.#learned,
    );
  }

  /**
   * The agent as a safetensors file, decisions that wait for a reward included; see `loadAgent`. What `act` did is
   * forgotten.
   *
   * @throws RunError where its weights are not finite: the file before is better
   */
  async save(): Promise<Uint8Array> {
    let tensors: Record<string, Tensor>;
    let before: string;
    // What is read is of one moment: where somebody learned in between, it is read again.
    do {
      before = `${this.#played} ${this.#learned}`;
      tensors = await this.#current.learner.tensors();
    } while (before !== `${this.#played} ${this.#learned}`);
    checkFinite(tensors, this.#current.learner);
    const pending = [...this.#decisions.pending];
    if (pending.length > 0) {
      const shape = this.#keptShape(pending);
      const all = new Float64Array(shape[0] * shape[1]);
      let at = 0;
      for (const { kept } of pending) {
        all.set(kept, at);
        at += kept.length;
      }
      tensors.pending = tensorOf(this.#backend, shape, all);
    }
    return encode(tensors, {
      agent: settingsText(this.#settings),
      acted: `${this.#played}`,
      learned: `${this.#learned}`,
      generator,
      pending: JSON.stringify(pending.map(({ kept, ...decision }) => decision)),
      closed: JSON.stringify([...this.#decisions.closed]),
    });
  }

  /** The agent that was saved so: see `loadAgent`. */
  static async load(
    backend: ImmediateBackend | undefined,
    tensors: Record<string, Tensor>,
    saved: SavedAgent,
    optimizer: OptimizerFactory,
  ): Promise<Agent> {
    const agent = await createAgent({ ...saved.settings, optimizer }, backend);
    agent.#restore(tensors, saved);
    return agent;
  }

  #restore(tensors: Record<string, Tensor>, { played, learned, pending, closed }: SavedAgent): void {
    this.#single.learner.restore(tensors, "the agent");
    this.#played = played;
    this.#learned = learned;
    if (pending.length > 0) {
      const all = takeTensor(tensors, "pending", this.#keptShape(pending), "the agent")
        .data as Pending["kept"];
      let end = 0;
      const kept = pending.map((one) => {
        const from = end;
        end += this.#keptLength(one);
        return { ...one, kept: all.slice(from, end) };
      });
      const strange = kept.find(({ kept, action, rows = 1 }) => !this.#batch(rows).couldKeep(kept, action));
      if (strange !== undefined) {
        throw new InputError(
          `the file of the agent is damaged: what it keeps of the decision "${strange.id}" is not of action ${strange.action}`,
        );
      }
      this.#decisions.restore(kept);
    }
    this.#decisions.restore([], closed);
    refuseStrangers(tensors, "the agent");
  }

  /** How many numbers are kept of a decision: of each of its rows as many as of one, and one baseline. */
  #keptLength({ rows = 1 }: Pick<Pending, "rows">): number {
    return 1 + rows * (this.#single.length - 1);
  }

  /** Of what is kept of decisions: one a row, or one behind the other where they differ in length. */
  #keptShape(decisions: readonly Pick<Pending, "rows">[]): [number, number] {
    if (this.#settings.actions !== undefined) return [decisions.length, this.#single.length];
    return [1, decisions.reduce((sum, one) => sum + this.#keptLength(one), 0)];
  }

  #play(
    player: Player,
    contexts: readonly ArrayLike<number>[],
    floor: number,
    allowed?: readonly number[],
    actions?: readonly ArrayLike<number>[],
  ): number[] {
    this.#follow(player);
    return player.play(contexts, ++this.#played, floor, allowed, actions);
  }

  #learnLate(decision: Pending, value: number): void {
    const player = this.#batch(decision.rows ?? 1);
    this.#follow(player);
    this.#acted = undefined;
    this.#countLearned();
    player.learnLate(decision, this.#clip(value), this.#learned);
  }

  /** The mean of an action's probability over so many passes of coins: what it was played with, and others. */
  #meanOf(
    passes: number,
    context: ArrayLike<number>,
    { action, probability, floor }: Played,
    { allowed, actions }: Among,
  ): number {
    // Without hidden layers all passes are alike.
    if (passes === 1 || this.#settings.hidden.length === 0) return probability;
    const rows = rowsOf(context, actions);
    const { probabilities } = this.#others.ask(rows, passes - 1, this.#played, floor, allowed);
    return (probability + (passes - 1) * probabilities[action]) / passes;
  }

  #clip(reward: number): number {
    const range = this.#settings.rewardRange;
    return range === undefined ? reward : Math.min(range[1], Math.max(range[0], reward));
  }

  #expire(decision: Pending): void {
    const { expireAfter, defaultReward } = this.#settings;
    // Without an expiry there is no silence that would mean anything.
    if (!decision.rewarded && expireAfter !== undefined) this.#learnLate(decision, defaultReward);
    this.#decisions.close(decision, decision.rewarded ? "rewarded" : "expired");
  }

  /** One more step of learning. @throws RunError where the weights are not finite */
  #countLearned(): void {
    if (this.#learned % checkEvery === checkEvery - 1) {
      checkWeights(this.#backend, this.#single.learner);
    }
    this.#learned++;
  }

  /** @param row its place among several */
  #checkContext(context: ArrayLike<number>, name: string, row?: number): void {
    const { inputs, inputKind } = this.#settings;
    checkNumbers(context, inputs, inputKind, name, row);
  }

  #checkLate(): void {
    if (this.#single.keeps) return;
    const { name } = this.#settings.estimator;
    throw new InputError(
      `${name} cannot learn from late rewards, as its credit is not linear in them; expected hnca or reinforce, or act and learn`,
    );
  }

  #checkAmong(allowed: Among["allowed"], actions: Among["actions"]): void {
    const { actions: count, actionInputs, inputKind } = this.#settings;
    if (actionInputs !== undefined) {
      if (allowed !== undefined) {
        throw new InputError(
          "allowed is for actions with numbers; expected the features of those that may be chosen, in actions",
        );
      }
      if (!Array.isArray(actions) || actions.length === 0) {
        throw new InputError(
          `actions is ${shown(actions)}; expected a list of ${actionInputs} numbers for each action that may be chosen`,
        );
      }
      for (let a = 0; a < actions.length; a++) checkNumbers(actions[a], actionInputs, inputKind, "action", a);
      return;
    }
    if (actions !== undefined) {
      throw new InputError(
        `the agent has ${count} actions without features; expected allowed, or an agent with actionInputs`,
      );
    }
    if (allowed === undefined) return;
    checkAllowed(allowed, count!);
    if (this.#settings.estimator.explores) return;
    const { name } = this.#settings.estimator;
    throw new InputError(`${name} cannot learn under a mask of actions; expected hnca or reinforce`);
  }

  /** The buffers for that many rows. Those of a few sizes are kept. */
  #batch(rows: number): Player {
    if (rows === 1) return this.#single;
    let player = this.#batches.get(rows);
    if (player === undefined) {
      const [[size, unused] = []] = this.#batches;
      const most = this.#settings.actions === undefined ? keptDecisions : keptBatches;
      if (unused !== undefined && this.#batches.size >= most) {
        if (this.#current === unused) this.#follow(this.#single);
        this.#batches.delete(size!);
        unused.release();
      }
      const [backend, network, settings] = [this.#backend, this.#network, this.#settings];
      const scope = backend.scope();
      player = scope.run(
        () => new Player(backend, network, settings, this.#baseline, this.#optimizer, rows, scope),
      );
    }
    this.#batches.delete(rows);
    this.#batches.set(rows, player);
    return player;
  }

  /** Hands the running baseline on to a player that has not the current one. */
  #follow(player: Player): void {
    if (player === this.#current) return;
    const before = this.#current.learner.estimator.state;
    for (const [name, matrix] of Object.entries(player.learner.estimator.state)) {
      this.#backend.write(matrix, this.#backend.readNow(before[name]));
    }
    this.#current = player;
  }
}

function checkChosen(
  action: number,
  count: number,
  allowed: readonly number[] | undefined,
  name: string,
): void {
  if (action < count && allowed?.includes(action) !== false) return;
  const expected = allowed ? `one of [${allowed}]` : `0 to ${count - 1}`;
  throw new InputError(`${name} is ${action}; expected ${expected}`);
}

const withoutSeed = (settings: string): string => settings.replace(/"seed":\d+,?/, "");

/** What the network sees of a decision: the context, or a row for each action that has features. */
const rowsOf = (context: ArrayLike<number>, actions: Among["actions"]): ArrayLike<number>[] =>
  actions?.map((features) => [...Array.from(context), ...Array.from(features)]) ?? [context];
