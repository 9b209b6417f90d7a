/**
 * CartPole-v1: a pole stands on a cart, which is pushed left (0) or right (1), 50 times a second. Each step earns 1, until the
 * pole leans by more than 12 degrees or the cart is more than 2.4 from where it began; a cut comes after 500 steps. (Barto,
 * Sutton, Anderson 1983; constants and Euler's steps as Gymnasium has them.)
 *
 * State and observation: position, velocity, angle (0 is upright), angular velocity; metres, radians, seconds.
 */
import type { Environment } from "./environment.ts";

const gravity = 9.8;
const [massOfCart, massOfPole] = [1, 0.1];
const mass = massOfCart + massOfPole;
/** From the joint to the pole's middle. */
const length = 0.5;
const force = 10;
/** Seconds a step. */
const dt = 0.02;
const [farthest, steepest] = [2.4, (12 * 2 * Math.PI) / 360];

export const cartPole: Environment = {
  name: "cart-pole",
  inputs: 4,
  inputKind: "real",
  actions: 2,
  stateSize: 4,
  limit: 500,
  reset(state, uniforms) {
    for (let i = 0; i < 4; i++) state[i] = -0.05 + 0.1 * uniforms(i);
  },
  step(state, action) {
    const [position, velocity, angle, spin] = state;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const push = ((action === 1 ? force : -force) + massOfPole * length * (spin * spin) * sin) / mass;
    const turn = (gravity * sin - cos * push) / (length * (4 / 3 - (massOfPole * (cos * cos)) / mass));
    state[0] = position + dt * velocity;
    state[1] = velocity + dt * (push - (massOfPole * length * turn * cos) / mass);
    state[2] = angle + dt * spin;
    state[3] = spin + dt * turn;
    return 1;
  },
  ended: ([position, , angle]) => Math.abs(position) > farthest || Math.abs(angle) > steepest,
  observe: (state, out, at) => out.set(state, at),
};
