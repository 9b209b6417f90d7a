/** A process that decides: an agent by the learner's newest weights, whose decisions and rewards go into the stream. */
import type { Agent, DecideOptions } from "../agent/agent.ts";
import type { Decision } from "../agent/decisions.ts";
import { loadAgent } from "../agent/load.ts";
import type { ImmediateBackend } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import type { OptimizerFactory } from "../optimizers/optimizer.ts";
import { cancelFields, decisionFields, rewardFields } from "./events.ts";
import { checkName, keysOf, pause, type RedisClient, type Send, senderOf, toBytes } from "./port.ts";
import { withSeed } from "./snapshot.ts";

/** How to act. */
export interface ActorOptions {
  /** Of the agent: what `runLearner` was given. */
  name: string;
  /** Milliseconds between two looks for newer weights; default 1000. */
  refreshEvery?: number;
  /** Milliseconds to wait for a learner's first weights; default 10,000. */
  patience?: number;
  /** Of its draws; default: one that no other process has. */
  seed?: number;
  /** As for `loadAgent`. */
  optimizer?: OptimizerFactory;
  /** Default the wasm backend. */
  backend?: ImmediateBackend;
}

const optionNames: Names<ActorOptions> = {
  name: 1,
  refreshEvery: 1,
  patience: 1,
  seed: 1,
  optimizer: 1,
  backend: 1,
};

/** Decides by what a learner has learned elsewhere; `openActor` makes one. */
export class Actor {
  readonly #agent: Agent;
  readonly #send: Send;
  readonly #keys: ReturnType<typeof keysOf>;
  readonly #timer: ReturnType<typeof setInterval>;
  #version: string;

  /** For `openActor`. */
  constructor(agent: Agent, version: string, send: Send, name: string, refreshEvery: number) {
    this.#agent = agent;
    this.#version = version;
    this.#send = send;
    this.#keys = keysOf(name);
    // Where Redis is away, it goes on with what it has.
    this.#timer = setInterval(() => void this.refresh().catch(() => {}), refreshEvery);
    (this.#timer as { unref?(): void }).unref?.();
  }

  /** Rewards that its weights have learned from. */
  get version(): number {
    return this.#agent.version;
  }

  /**
   * Decides; see `Agent.decide`. Once this is fulfilled the decision is in the stream, and any process may reward it.
   * Rejects with the client's error where it could not be written: it will then not be learned from.
   */
  async decide(context: ArrayLike<number>, options?: Omit<DecideOptions, "now">): Promise<Decision> {
    const decision = this.#agent.decide(context, options);
    await this.#add(decisionFields(this.#agent.handOver(decision.id)));
    return decision;
  }

  /** Sends a reward to the learner, for whatever process's decision. Once this is fulfilled it will not be lost. */
  async reward(id: string, value: number): Promise<void> {
    if (!Number.isFinite(value)) throw new InputError(`the reward is ${value}; expected a number`);
    await this.#add(rewardFields(id, value));
  }

  /** Tells the learner that a decision was not carried out. */
  async cancel(id: string): Promise<void> {
    await this.#add(cancelFields(id));
  }

  /** Looks for newer weights now. */
  async refresh(): Promise<void> {
    const version = await this.#send("HGET", this.#keys.snapshot, "version");
    if (typeof version !== "string" || version === this.#version) return;
    const weights = await this.#send("HGET", this.#keys.snapshot, "weights");
    this.#agent.follow(toBytes(weights as string));
    this.#version = version;
  }

  /** Looks for no newer weights any more. The client stays open. */
  close(): void {
    clearInterval(this.#timer);
  }

  async #add(fields: string[]): Promise<void> {
    await this.#send("XADD", this.#keys.events, "*", ...fields);
  }
}

/**
 * An actor, once a learner of this name has published weights.
 *
 * @throws InputError where none does in time, or with options that cannot be
 */
export async function openActor(client: RedisClient, options: ActorOptions): Promise<Actor> {
  refuseUnknown("openActor", optionNames, options);
  const { name, refreshEvery = 1000, patience = 10_000, seed = randomSeed(), optimizer, backend } = options;
  checkName(name);
  const send = senderOf(client);
  const { snapshot } = keysOf(name);
  const end = Date.now() + patience;
  for (;;) {
    const [version, weights] = (await send("HMGET", snapshot, "version", "weights")) as (string | null)[];
    if (typeof version === "string" && typeof weights === "string") {
      const agent = await loadAgent(withSeed(toBytes(weights), seed), optimizer, backend);
      return new Actor(agent, version, send, name, refreshEvery);
    }
    if (Date.now() >= end) {
      throw new InputError(
        `no learner has published weights of "${name}"; expected runLearner with this name`,
      );
    }
    await pause(100);
  }
}

function randomSeed(): number {
  const [a, b] = crypto.getRandomValues(new Uint32Array(2));
  return (a % 2 ** 21) * 2 ** 32 + b;
}
