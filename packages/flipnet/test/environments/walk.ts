import type { Environment } from "../../src/environments/environment.ts";

/** A walk to the right or the left, paid where it goes, which ends by itself or not. */
export const walk: Environment = {
  name: "walk",
  inputs: 2,
  inputKind: "real",
  actions: 2,
  stateSize: 2,
  limit: 6,
  reset(state, uniforms) {
    state[0] = uniforms(0) - 0.5;
    state[1] = 0;
  },
  step(state, action, uniforms) {
    state[0] += (action === 1 ? 0.4 : -0.3) + 0.1 * uniforms(0);
    state[1]++;
    return state[0] - 0.1 * action;
  },
  ended: ([place]) => Math.abs(place) > 1,
  observe: (state, out, at) => out.set(state, at),
};
