/**
 * Something that is lived in step by step: it is seen, acted on, and pays. What it is at a moment is a list of numbers, so
 * episodes can stand side by side, be saved, and go on elsewhere to the same bits.
 */

/** The `index`-th uniform number of a step, in [0, 1): always the same one. */
export type Uniforms = (index: number) => number;

/** An environment with one discrete action a step. */
export interface Environment {
  readonly name: string;
  /** Numbers that an observation has. */
  readonly inputs: number;
  /** Whether these are bits. */
  readonly inputKind: "real" | "bits";
  readonly actions: number;
  /** Numbers that a state has. */
  readonly stateSize: number;
  /** Steps after which an episode is cut, whatever its state. */
  readonly limit: number;
  /** Writes the state that an episode begins with. */
  reset(state: Float64Array, uniforms: Uniforms): void;
  /** Moves `state` on by an action, 0 to `actions - 1`. Gives the reward. */
  step(state: Float64Array, action: number, uniforms: Uniforms): number;
  /** Whether an episode is over that has come to `state`. */
  ended(state: Float64Array): boolean;
  /** Whether it has been cut short there, before `limit`. Absent: it never is. */
  cut?(state: Float64Array): boolean;
  /** The same for one of several places, where these cannot share it as it remembers where it stands. */
  place?(): Environment;
  /** Writes what is seen of `state` from `at` on. */
  observe(state: Float64Array, out: Float64Array, at: number): void;
}

/** `x`, or the border that lies before it. */
export const clamp = (x: number, least: number, most: number): number => Math.min(most, Math.max(least, x));
