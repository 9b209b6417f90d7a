// Linear bandits: a ridge regression of the reward on the context and a constant for every action, and three ways to
// choose by it. All visits since the first count alike.
import { normals, uniforms } from "./worlds.mjs";

/** Ridge regression with prior precision 1: `A = I + sum x x'` as Cholesky's factor `L`, `b = sum r x`. */
class Ridge {
  constructor(d) {
    this.d = d;
    this.L = new Float64Array(d * d);
    for (let i = 0; i < d; i++) this.L[i * d + i] = 1;
    this.b = new Float64Array(d);
    this.mean = new Float64Array(d);
    this.room = new Float64Array(d);
  }

  /** `L y = v`, into `room`. */
  forward(v) {
    const { d, L, room } = this;
    for (let i = 0; i < d; i++) {
      let left = v[i];
      for (let k = 0; k < i; k++) left -= L[i * d + k] * room[k];
      room[i] = left / L[i * d + i];
    }
    return room;
  }

  /** `L' y = v`, into `out`; may be `v`. */
  backward(v, out) {
    const { d, L } = this;
    for (let i = d - 1; i >= 0; i--) {
      let left = v[i];
      for (let k = i + 1; k < d; k++) left -= L[k * d + i] * out[k];
      out[i] = left / L[i * d + i];
    }
    return out;
  }

  learn(x, reward) {
    const { d, L, b } = this;
    const v = Float64Array.from(x);
    for (let k = 0; k < d; k++) {
      const r = Math.hypot(L[k * d + k], v[k]);
      const [c, s] = [r / L[k * d + k], v[k] / L[k * d + k]];
      L[k * d + k] = r;
      for (let i = k + 1; i < d; i++) {
        L[i * d + k] = (L[i * d + k] + s * v[i]) / c;
        v[i] = c * v[i] - s * L[i * d + k];
      }
    }
    for (let i = 0; i < d; i++) b[i] += reward * x[i];
    this.backward(this.forward(b), this.mean);
  }

  expect(x) {
    let sum = 0;
    for (let i = 0; i < this.d; i++) sum += this.mean[i] * x[i];
    return sum;
  }

  /** Standard deviation of what is expected, for a noise of 1. */
  uncertainty(x) {
    return Math.hypot(...this.forward(x));
  }
}

const argmax = (values) => values.indexOf(Math.max(...values));

function learner(world, seed, choose) {
  const arms = Array.from({ length: world.actions }, () => new Ridge(world.inputs + 1));
  const x = new Float64Array(world.inputs + 1).fill(1);
  const uniform = uniforms(seed + 99);
  const normal = normals(uniform);
  return {
    act(context) {
      x.set(context);
      return choose(arms, x, uniform, normal);
    },
    learn: (action, reward) => arms[action].learn(x, reward),
  };
}

/** Thompson sampling (Agrawal and Goyal 2013): the action that is best for a sample of the posterior, `v` the noise. */
export const thompson = (v) => (world, seed) =>
  learner(world, seed, (arms, x, _, normal) =>
    argmax(
      arms.map((arm) => {
        const z = Float64Array.from(x, normal);
        arm.backward(z, z);
        let sample = 0;
        for (let i = 0; i < x.length; i++) sample += (arm.mean[i] + v * z[i]) * x[i];
        return sample;
      }),
    ),
  );

/** LinUCB, disjoint (Li, Chu, Langford and Schapire 2010, algorithm 1). */
export const linUcb = (alpha) => (world, seed) =>
  learner(world, seed, (arms, x) => argmax(arms.map((arm) => arm.expect(x) + alpha * arm.uncertainty(x))));

/** The action that is expected to earn most, but for so many of all that are drawn from all alike. */
export const greedy = (epsilon) => (world, seed) =>
  learner(world, seed, (arms, x, uniform) =>
    uniform() < epsilon
      ? Math.floor(uniform() * arms.length)
      : argmax(arms.map((arm) => arm.expect(x) + 1e-9 * uniform())),
  );
