/**
 * Episodes side by side in one environment, each with a state of its own. How the n-th episode of a place begins, and what
 * chance does in its steps, is a function of seed, place and n: all that must be kept is in `numbers`.
 */
import { InputError, RunError } from "../formats/errors.ts";
import { deriveKey, newKey, siteKey, timeKey, uniformAt } from "../random/threefry.ts";
import type { Environment, Uniforms } from "./environment.ts";

/** What is counted of each place: episodes begun, steps of the one that goes on, what it has earned. */
const counters = 3;

export class Episodes {
  readonly environment: Environment;
  readonly count: number;
  /** Of the last step, one a place. */
  readonly rewards: Float64Array;
  /** Whether it ended the episode by itself, or the limit did. */
  readonly ended: boolean[];
  readonly cut: boolean[];
  /** All of it, for who saves and restores it. */
  readonly numbers: Float64Array;
  readonly #places: readonly Environment[];
  readonly #states: readonly Float64Array[];
  readonly #counts: readonly Float64Array[];
  /** The state before a step. */
  readonly #before: Float64Array;
  readonly #seed: number;
  readonly #key = newKey();
  readonly #uniforms: Uniforms = (index) => uniformAt(this.#key, index);

  /** @throws InputError for an environment of which no episode can be */
  constructor(environment: Environment, count: number, seed: number) {
    checkEnvironment(environment);
    const { stateSize } = environment;
    const each = counters + stateSize;
    this.environment = environment;
    this.count = count;
    this.#seed = seed;
    this.#before = new Float64Array(stateSize);
    this.numbers = new Float64Array(count * each);
    const places = Array.from({ length: count }, (_, place) => place * each);
    this.#places = places.map(() => environment.place?.() ?? environment);
    this.#counts = places.map((at) => this.numbers.subarray(at, at + counters));
    this.#states = places.map((at) => this.numbers.subarray(at + counters, at + each));
    this.rewards = new Float64Array(count);
    this.ended = places.map(() => false);
    this.cut = places.map(() => false);
  }

  /** Steps that the episode of a place has taken. */
  steps(place: number): number {
    return this.#counts[place][1];
  }

  /** What it has earned in these. */
  earned(place: number): number {
    return this.#counts[place][2];
  }

  /** Its state, as it is now. */
  state(place: number): Readonly<Float64Array> {
    return this.#states[place];
  }

  /** Begins the next episode of a place. @throws RunError for an environment that fails; all is then as it was */
  begin(place: number): void {
    const [state, counts] = [this.#states[place], this.#counts[place]];
    const [begun, steps, earned] = counts;
    this.#before.set(state);
    counts[0]++;
    counts[1] = counts[2] = 0;
    this.#drawFor(place);
    try {
      this.#places[place].reset(state, this.#uniforms);
    } catch (cause) {
      state.set(this.#before);
      counts[0] = begun;
      counts[1] = steps;
      counts[2] = earned;
      throw this.#failure("the beginning", cause);
    }
  }

  /** Writes what is seen of every place, one after the other, [count, inputs]. */
  observe(out: Float64Array): void {
    const { inputs, inputKind, name } = this.environment;
    for (let place = 0; place < this.count; place++) {
      this.#places[place].observe(this.#states[place], out, place * inputs);
    }
    const bits = inputKind === "bits";
    const wrong = out.findIndex((x) => !(bits ? x === 0 || x === 1 : Number.isFinite(x)));
    if (wrong < 0) return;
    throw new RunError(
      `${name} shows ${out[wrong]} at place ${wrong % inputs} of an observation; expected ${bits ? "bits, 0 or 1" : "finite numbers"}`,
    );
  }

  /**
   * Acts at a place.
   *
   * @throws RunError for an environment that fails, or pays no finite reward; the state is then the one before
   */
  step(place: number, action: number): void {
    const [state, counts, environment] = [this.#states[place], this.#counts[place], this.#places[place]];
    this.#drawFor(place);
    this.#before.set(state);
    const step = counts[1] + 1;
    try {
      const reward = environment.step(state, action, this.#uniforms);
      if (!Number.isFinite(reward)) {
        throw new RunError(
          `${environment.name} pays ${reward} for step ${step} of an episode; expected a finite number`,
        );
      }
      this.rewards[place] = reward;
    } catch (cause) {
      state.set(this.#before);
      throw this.#failure(`step ${step}`, cause);
    }
    counts[1] = step;
    counts[2] += this.rewards[place];
    this.ended[place] = environment.ended(state);
    this.cut[place] = !this.ended[place] && (step >= environment.limit || environment.cut?.(state) === true);
  }

  /** What went wrong, in one sentence. */
  #failure(where: string, cause: unknown): Error {
    if (cause instanceof RunError || cause instanceof InputError) return cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new RunError(`${this.environment.name} fails at ${where} of an episode: ${reason}`, { cause });
  }

  /** The key of what chance does next at a place. */
  #drawFor(place: number): void {
    const [begun, steps] = this.#counts[place];
    deriveKey(this.#seed, "task", begun, this.#key);
    siteKey(this.#key, place, 0, this.#key);
    timeKey(this.#key, steps + 1, this.#key);
  }
}

function checkEnvironment({ name, ...sizes }: Environment): void {
  const least = { inputs: 1, actions: 2, stateSize: 0, limit: 1 };
  for (const [key, from] of Object.entries(least)) {
    const value = sizes[key as keyof typeof least];
    if (Number.isSafeInteger(value) && value >= from) continue;
    throw new InputError(
      `the environment ${name} has ${key} ${value}; expected a whole number from ${from} on`,
    );
  }
}
