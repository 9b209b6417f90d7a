/**
 * Gymnasium's environments, in a Python process for each of the episodes side by side. A step waits for the answer: this
 * thread sleeps while another one talks to the process.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { Environment } from "../environments/environment.ts";
import { type Steppable, steppable } from "../environments/steppable.ts";
import { InputError, RunError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";

/** Where and how an environment runs. */
export interface GymnasiumOptions {
  /** The Python that has gymnasium; default "python3". */
  readonly python?: string;
  /** What `gymnasium.make` is given beside the name. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Steps after which an episode is cut; default: as the environment is registered, and 1000 where that says none. */
  readonly limit?: number;
  /** Milliseconds that an answer may take, the first one with the start of Python; default 60,000. */
  readonly timeout?: number;
}

const optionNames: Names<GymnasiumOptions> = { python: 1, options: 1, limit: 1, timeout: 1 };

/** A line in, a line out. What an environment prints goes where errors go. Numbers that JSON does not have become texts. */
const server = `
import json, math, os, sys
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import gymnasium
env = gymnasium.make(sys.argv[1], **json.loads(sys.argv[2]))
space = env.action_space
if not isinstance(space, gymnasium.spaces.Discrete):
    sys.exit("its actions are %s; expected a Discrete space" % space)
if not isinstance(env.observation_space, gymnasium.spaces.Box):
    sys.exit("its observations are %s; expected a Box" % env.observation_space)
def number(x):
    x = float(x)
    return x if math.isfinite(x) else str(x)
def say(**what):
    out.write(json.dumps(what) + "\\n")
    out.flush()
def seen(observation):
    return [number(x) for x in observation.ravel()]
size = 1
for length in env.observation_space.shape:
    size *= length
say(inputs=size, actions=int(space.n), limit=env.spec.max_episode_steps)
for line in sys.stdin:
    asked = json.loads(line)
    if "seed" in asked:
        say(observation=seen(env.reset(seed=asked["seed"])[0]))
    else:
        observation, reward, ended, cut, _ = env.step(int(space.start) + asked["action"])
        say(observation=seen(observation), reward=number(reward), ended=bool(ended), cut=bool(cut))
`;

/** What the other thread runs: it cannot be a file, as sources and builds have other names for it. */
const talker = `
const { workerData: { port, flag, command, args } } = require("node:worker_threads");
const child = require("node:child_process").spawn(command, args);
const signal = new Int32Array(flag);
const answer = (what) => {
  port.postMessage(what);
  Atomics.add(signal, 0, 1);
  Atomics.notify(signal, 0);
};
let [said, errors] = ["", ""];
child.stdout.on("data", (text) => {
  const lines = (said + text).split("\\n");
  said = lines.pop();
  for (const line of lines) answer({ line });
});
child.stderr.on("data", (text) => { errors = (errors + text).slice(-4000); });
child.stdin.on("error", () => {});
child.on("error", ({ message }) => answer({ failure: message }));
child.on("close", () => answer({ failure: errors.trim().split("\\n").pop() || "it has ended" }));
port.on("message", (line) => child.stdin.write(line + "\\n"));
`;

/** A process that is asked and waited for. */
class Talk {
  readonly #name: string;
  readonly #timeout: number;
  readonly #worker: Worker;
  readonly #port: MessageChannel["port1"];
  readonly #signal: Int32Array;
  #read = 0;

  constructor(id: string, { python = "python3", options = {}, timeout = 60_000 }: GymnasiumOptions) {
    const { port1, port2 } = new MessageChannel();
    const flag = new SharedArrayBuffer(4);
    this.#name = id;
    this.#timeout = timeout;
    this.#port = port1;
    this.#signal = new Int32Array(flag);
    const args = ["-c", server, id, JSON.stringify(options)];
    const workerData = { port: port2, flag, command: python, args };
    this.#worker = new Worker(talker, { eval: true, workerData, transferList: [port2] });
    this.#worker.unref();
    port1.unref();
  }

  ask(question: object): Record<string, unknown> {
    this.#port.postMessage(JSON.stringify(question));
    return this.answer();
  }

  /** @throws RunError where none comes, or the process has ended */
  answer(): Record<string, unknown> {
    const waited = Atomics.wait(this.#signal, 0, this.#read, this.#timeout);
    const message = receiveMessageOnPort(this.#port)?.message as
      | { line?: string; failure?: string }
      | undefined;
    if (message === undefined) {
      void this.#worker.terminate();
      throw new RunError(
        waited === "timed-out"
          ? `${this.#name} has not answered within ${this.#timeout} ms`
          : `${this.#name} has ended`,
      );
    }
    this.#read++;
    if (message.line === undefined) throw new RunError(`${this.#name} has ended: ${message.failure}`);
    return JSON.parse(message.line);
  }
}

const numbers = (observation: unknown) => (observation as unknown[]).map(Number);

/**
 * An environment of Gymnasium's, or of any package that registers its own there, with discrete actions and numbers to see.
 * The Python processes end with this one.
 *
 * @throws InputError for one that cannot be made; when it runs, RunError for one that fails, ends or does not answer
 */
export function gymnasium(id: string, options: GymnasiumOptions = {}): Environment {
  refuseUnknown("gymnasium", optionNames, options);
  let first: Talk | undefined = new Talk(id, options);
  const shape = shapeFrom(first);
  const make = (): Steppable => {
    const talk = first ?? new Talk(id, options);
    if (first === undefined) talk.answer();
    first = undefined;
    return {
      reset: (seed) => numbers(talk.ask({ seed }).observation),
      step(action) {
        const { observation, reward, ended, cut } = talk.ask({ action });
        return {
          observation: numbers(observation),
          reward: Number(reward),
          ended: ended as boolean,
          cut: cut as boolean,
        };
      },
    };
  };
  return steppable(make, { ...shape, name: id, limit: options.limit ?? shape.limit ?? 1000 });
}

function shapeFrom(talk: Talk): { inputs: number; actions: number; limit: number | null } {
  try {
    return talk.answer() as never;
  } catch (cause) {
    throw new InputError((cause as Error).message, { cause });
  }
}
