/**
 * A contextual bandit: an episode is one step. One of `contexts` is seen, as a bit for each; the action with its number,
 * counted round, earns 1 nine times in ten, every other action one time in ten, else 0.
 */
import type { Environment } from "./environment.ts";

/** How often the right action is paid, and any other. */
const [often, seldom] = [0.9, 0.1];

export const bandit = (contexts: number, actions: number): Environment => ({
  name: "bandit",
  inputs: contexts,
  inputKind: "bits",
  actions,
  // The context, and whether it was answered.
  stateSize: 2,
  limit: 1,
  reset(state, uniforms) {
    state[0] = Math.floor(contexts * uniforms(0));
    state[1] = 0;
  },
  step(state, action, uniforms) {
    state[1] = 1;
    return uniforms(0) < (action === state[0] % actions ? often : seldom) ? 1 : 0;
  },
  ended: ([, answered]) => answered === 1,
  observe([context], out, at) {
    out.fill(0, at, at + contexts);
    out[at + context] = 1;
  },
});
