/**
 * MountainCar-v0: a car in a valley is too weak for the hill on its right; it accelerates left, not at all or right (actions
 * 0, 1, 2). Each step costs 1, until it is at 0.5 or beyond; a cut comes after 200 steps. (Moore 1990; constants as Gymnasium
 * has them.)
 *
 * State and observation: position, -1.2 to 0.6, and velocity.
 */
import { clamp, type Environment } from "./environment.ts";

const [left, right, goal] = [-1.2, 0.6, 0.5];
const fastest = 0.07;
const [force, gravity] = [0.001, 0.0025];

export const mountainCar: Environment = {
  name: "mountain-car",
  inputs: 2,
  inputKind: "real",
  actions: 3,
  stateSize: 2,
  limit: 200,
  reset(state, uniforms) {
    state[0] = -0.6 + 0.2 * uniforms(0);
    state[1] = 0;
  },
  step(state, action) {
    const pull = (action - 1) * force - Math.cos(3 * state[0]) * gravity;
    const velocity = clamp(state[1] + pull, -fastest, fastest);
    state[0] = clamp(state[0] + velocity, left, right);
    // The wall on the left stops it.
    state[1] = state[0] === left && velocity < 0 ? 0 : velocity;
    return -1;
  },
  ended: ([position, velocity]) => position >= goal && velocity >= 0,
  observe: (state, out, at) => out.set(state, at),
};
