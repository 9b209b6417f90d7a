/** One episode, as a network as it stands lives it: nothing is learned. */
import { immediate } from "../backend/backend.ts";
import type { Environment } from "../environments/environment.ts";
import { Episodes } from "../environments/episodes.ts";
import { GeneratedDraws } from "../network/draws.ts";
import type { Network } from "../network/network.ts";
import { createPass, samplePass } from "../network/pass.ts";
import { readActions } from "../tasks/task.ts";

/** What happened. */
export interface Played {
  /** What the environment was before each action, and behind the last one. */
  readonly states: readonly (readonly number[])[];
  readonly actions: readonly number[];
  readonly rewards: readonly number[];
  /** Whether it ended by itself, and was not cut. */
  readonly ended: boolean;
}

/**
 * Plays an episode; the seed decides how it begins, what chance does, and every coin.
 *
 * @throws RunError for an environment that fails
 */
export function playEpisode(network: Network, environment: Environment, seed: number): Played {
  const backend = immediate(network.backend);
  const input = backend.matrix(1, environment.inputs);
  const pass = createPass(network, input);
  const draws = new GeneratedDraws(backend, seed);
  const episodes = new Episodes(environment, 1, seed);
  const seen = new Float64Array(environment.inputs);
  const states: number[][] = [];
  const [actions, rewards]: number[][] = [[], []];
  episodes.begin(0);
  states.push([...episodes.state(0)]);
  while (!(episodes.ended[0] || episodes.cut[0])) {
    episodes.observe(seen);
    backend.write(input, seen);
    draws.startStep(actions.length + 1);
    samplePass(pass, draws);
    const [action] = readActions(backend, pass.layers[pass.layers.length - 1].bits);
    episodes.step(0, action);
    actions.push(action);
    rewards.push(episodes.rewards[0]);
    states.push([...episodes.state(0)]);
  }
  return { states, actions, rewards, ended: episodes.ended[0] };
}
