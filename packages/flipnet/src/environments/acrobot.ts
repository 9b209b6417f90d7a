/**
 * Acrobot-v1: two links hang from a joint; a motor between them turns by -1, 0 or 1 (actions 0, 1, 2), five times a second.
 * Each step costs 1, until the far end swings above a line one link's length over the joint; a cut comes after 500 steps.
 * (Sutton 1996; equations of motion and Runge-Kutta's steps as Gymnasium has them by default: "book", no noise.)
 *
 * State: the first link's angle (0 hangs down), the second's to the first, their angular velocities. Observation: cosine and
 * sine of each angle, then the velocities.
 */
import { clamp, type Environment } from "./environment.ts";

/** Links have length and mass 1, their middle at 0.5, and a moment of inertia of 1. */
const [middle, inertia] = [0.5, 1];
const gravity = 9.8;
/** Seconds a step. */
const dt = 0.2;
const fastest = [4 * Math.PI, 9 * Math.PI];

/** What four numbers change by in a second under a torque, written into `out`. */
function slope(state: Float64Array, torque: number, out: Float64Array): void {
  const [angle1, angle2, spin1, spin2] = state;
  const [cos2, sin2] = [Math.cos(angle2), Math.sin(angle2)];
  const d1 = middle ** 2 + (1 + middle ** 2 + 2 * middle * cos2) + 2 * inertia;
  const d2 = middle ** 2 + middle * cos2 + inertia;
  const phi2 = middle * gravity * Math.cos(angle1 + angle2 - Math.PI / 2);
  const phi1 =
    -middle * spin2 ** 2 * sin2 -
    2 * middle * spin2 * spin1 * sin2 +
    (middle + 1) * gravity * Math.cos(angle1 - Math.PI / 2) +
    phi2;
  const turn2 =
    (torque + (d2 / d1) * phi1 - middle * spin1 ** 2 * sin2 - phi2) / (middle ** 2 + inertia - d2 ** 2 / d1);
  out[0] = spin1;
  out[1] = spin2;
  out[2] = -(d2 * turn2 + phi1) / d1;
  out[3] = turn2;
}

const [k1, k2, k3, k4, between] = Array.from({ length: 5 }, () => new Float64Array(4));

/** Where one is after `h` at a slope. */
function along(state: Float64Array, h: number, k: Float64Array): Float64Array {
  for (let i = 0; i < 4; i++) between[i] = state[i] + h * k[i];
  return between;
}

/** An angle by whole turns, within half of one. */
function wrap(angle: number): number {
  let wrapped = angle;
  while (wrapped > Math.PI) wrapped -= 2 * Math.PI;
  while (wrapped < -Math.PI) wrapped += 2 * Math.PI;
  return wrapped;
}

const high = ([angle1, angle2]: Float64Array): boolean => -Math.cos(angle1) - Math.cos(angle2 + angle1) > 1;

export const acrobot: Environment = {
  name: "acrobot",
  inputs: 6,
  inputKind: "real",
  actions: 3,
  stateSize: 4,
  limit: 500,
  reset(state, uniforms) {
    for (let i = 0; i < 4; i++) state[i] = -0.1 + 0.2 * uniforms(i);
  },
  step(state, action) {
    const torque = action - 1;
    slope(state, torque, k1);
    slope(along(state, dt / 2, k1), torque, k2);
    slope(along(state, dt / 2, k2), torque, k3);
    slope(along(state, dt, k3), torque, k4);
    for (let i = 0; i < 4; i++) state[i] += (dt / 6) * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
    for (let i = 0; i < 2; i++) {
      state[i] = wrap(state[i]);
      state[2 + i] = clamp(state[2 + i], -fastest[i], fastest[i]);
    }
    return high(state) ? 0 : -1;
  },
  ended: high,
  observe([angle1, angle2, spin1, spin2], out, at) {
    out[at] = Math.cos(angle1);
    out[at + 1] = Math.sin(angle1);
    out[at + 2] = Math.cos(angle2);
    out[at + 3] = Math.sin(angle2);
    out[at + 4] = spin1;
    out[at + 5] = spin2;
  },
};
