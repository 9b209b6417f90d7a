/**
 * Environments of one's own: any object that can `reset` and `step`, as Gymnasium's can, with whatever it remembers inside.
 * Its state is the seed that the episode began with and the actions since: who goes on from a saved state begins the
 * episode again and repeats them. So the same seed and actions must lead to the same things.
 */
import { InputError, RunError } from "../formats/errors.ts";
import { type Names, refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";
import type { Environment } from "./environment.ts";

/** One episode after the other. */
export interface Steppable {
  /** Begins an episode, in which all that chance does follows from `seed`, 0 to 2^32 - 1. Gives what is seen. */
  reset(seed: number): ArrayLike<number>;
  /** Acts: 0 to `actions - 1`. */
  step(action: number): Stepped;
}

/** What came of an action. */
export interface Stepped {
  readonly observation: ArrayLike<number>;
  readonly reward: number;
  /** Whether the episode has ended by itself; absent: it goes on. */
  readonly ended?: boolean;
  /** Whether it has been cut short. */
  readonly cut?: boolean;
}

/** What cannot be seen of an object. */
export interface SteppableOptions {
  readonly name: string;
  /** Numbers that an observation has. */
  readonly inputs: number;
  /** Whether these are bits; default "real". */
  readonly inputKind?: "real" | "bits";
  readonly actions: number;
  /** Steps after which an episode is cut, whatever the object says: it may never end. */
  readonly limit: number;
}

const optionNames: Names<SteppableOptions> = { name: 1, inputs: 1, inputKind: 1, actions: 1, limit: 1 };

/** Where in a state what stands; then what is seen, and then the actions. */
const [seedAt, stepsAt, endedAt, cutAt, seenAt] = [0, 1, 2, 3, 4];

/**
 * The environment of objects that `make` makes, one for each of the episodes side by side.
 *
 * @throws InputError for sizes that cannot be; when it runs, RunError for an object that throws, or shows another number of
 * numbers than `inputs`
 */
export function steppable(make: () => Steppable, options: SteppableOptions): Environment {
  refuseUnknown("steppable", optionNames, options);
  const { name, inputs, inputKind = "real", actions, limit } = options;
  for (const [what, value] of Object.entries({ inputs, actions, limit })) {
    if (!isWhole(value, 1)) {
      throw new InputError(`${name} has ${what} ${value}; expected a whole number from 1 on`);
    }
  }
  const actionsAt = seenAt + inputs;

  function see(observation: ArrayLike<number> | undefined, state: Float64Array): void {
    if (observation?.length !== inputs) {
      const found = observation === undefined ? "nothing" : `${observation.length} numbers`;
      throw new RunError(`${name} shows ${found}; expected ${inputs}`);
    }
    state.set(observation, seenAt);
  }

  /** One place: an object, and where it stands, as far as is known. */
  function place(): Environment {
    let object: Steppable | undefined;
    const lived = new Float64Array(actionsAt + limit).fill(Number.NaN);

    function begin(seed: number): ArrayLike<number> {
      object ??= make();
      // Where it throws, nobody knows where it stands.
      lived[seedAt] = Number.NaN;
      const seen = object.reset(seed);
      lived[seedAt] = seed;
      lived[stepsAt] = 0;
      return seen;
    }

    function act(action: number): Stepped {
      const seed = lived[seedAt];
      lived[seedAt] = Number.NaN;
      const stepped = object!.step(action);
      lived[seedAt] = seed;
      lived[actionsAt + lived[stepsAt]++] = action;
      return stepped;
    }

    /** Whether the object has lived what a state says. */
    function stands(state: Float64Array): boolean {
      if (lived[seedAt] !== state[seedAt] || lived[stepsAt] !== state[stepsAt]) return false;
      for (let at = actionsAt; at < actionsAt + state[stepsAt]; at++) {
        if (lived[at] !== state[at]) return false;
      }
      return true;
    }

    return {
      ...shared,
      reset(state, uniforms) {
        const seed = Math.floor(2 ** 32 * uniforms(0));
        see(begin(seed), state);
        state[seedAt] = seed;
        state.fill(0, stepsAt, seenAt);
      },
      step(state, action) {
        if (!stands(state)) {
          begin(state[seedAt]);
          for (let n = 0; n < state[stepsAt]; n++) act(state[actionsAt + n]);
        }
        const { observation, reward, ended = false, cut = false } = act(action);
        see(observation, state);
        state[actionsAt + state[stepsAt]++] = action;
        state[endedAt] = ended ? 1 : 0;
        state[cutAt] = cut ? 1 : 0;
        return reward;
      },
    };
  }

  const shared: Omit<Environment, "reset" | "step"> = {
    name,
    inputs,
    inputKind,
    actions,
    limit,
    stateSize: actionsAt + limit,
    ended: (state) => state[endedAt] === 1,
    cut: (state) => state[cutAt] === 1,
    observe(state, out, at) {
      for (let i = 0; i < inputs; i++) out[at + i] = state[seenAt + i];
    },
  };
  return { ...place(), place };
}

/** Whether something can be lived in. */
export const isEnvironment = (value: unknown): value is Environment =>
  typeof value === "object" &&
  value !== null &&
  ["reset", "step", "ended", "observe"].every(
    (name) => typeof (value as Record<string, unknown>)[name] === "function",
  );
