// Twenty worlds: contexts, and what every action would earn in each, drawn once for all learners. What is best to do is
// known of each. Rewards lie between 0 and 1; those that are clicks are 0 or 1.

/** Uniforms in [0, 1): the generator of a seed (mulberry32). */
export function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers (Box and Muller). */
export const normals = (uniform) => () =>
  Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

const clamp = (x) => Math.min(1, Math.max(0, x));
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** Contexts of standard normal numbers, or of fair bits. */
const real = (d) => (_, normal) => Array.from({ length: d }, normal);
const bits = (d) => (uniform) => Array.from({ length: d }, () => (uniform() < 0.5 ? 1 : 0));

/** `count` directions of length `size` in `d` dimensions. */
const directions = (count, d, size, normal) =>
  Array.from({ length: count }, () => {
    const v = Array.from({ length: d }, normal);
    const length = Math.hypot(...v);
    return v.map((x) => (size * x) / length);
  });

/** The expected reward of action `k` is linear in the context. */
const linear =
  (d, K, { size = 0.2, noise = 0.2 } = {}) =>
  (_, normal) => {
    const weights = directions(K, d, size, normal);
    return { noise, mean: (x) => weights.map((w) => clamp(0.5 + dot(w, x))) };
  };

/** Clicks whose log odds are linear in the context, `rate` of them where nothing is known of it. */
const clicks =
  (d, K, { size = 1.5, rate = 0.3 } = {}) =>
  (_, normal) => {
    const weights = directions(K, d, size, normal);
    const bias = Math.log(rate / (1 - rate));
    return { mean: (x) => weights.map((w) => sigmoid(bias + dot(w, x))) };
  };

/** `[name, kind, d, K, contexts, world]`; `world(uniform, normal)` gives `{ mean(x, t), noise? }`, clicks without noise. */
const simulated = [
  ["linear, 4 x 3, noise", "linear", 4, 3, real(4), linear(4, 3)],
  ["linear, 10 x 5, noise", "linear", 10, 5, real(10), linear(10, 5)],
  ["linear, 20 x 10, noise", "linear", 20, 10, real(20), linear(20, 10)],
  ["clicks, 5 x 4", "linear", 5, 4, real(5), clicks(5, 4)],
  ["clicks, 12 x 6", "linear", 12, 6, real(12), clicks(12, 6)],
  ["rare clicks, 10 x 5", "linear", 10, 5, real(10), clicks(10, 5, { rate: 0.05, size: 1 })],

  [
    "exclusive or, 2 x 2",
    "interacting",
    2,
    2,
    real(2),
    () => ({ mean: ([a, b]) => (a * b > 0 ? [0.8, 0.2] : [0.2, 0.8]) }),
  ],
  [
    "products, 6 x 4",
    "interacting",
    6,
    4,
    real(6),
    (_, normal) => {
      const weights = directions(4, 15, 1.5, normal);
      const pairs = (x) => x.flatMap((a, i) => x.slice(i + 1).map((b) => a * b));
      return { mean: (x) => weights.map((w) => sigmoid(dot(w, pairs(x)))) };
    },
  ],
  [
    "nearest of 12 places, 4 x 4",
    "interacting",
    4,
    4,
    real(4),
    (_, normal) => {
      const places = Array.from({ length: 12 }, () => Array.from({ length: 4 }, normal));
      const squared = (x, y) => x.reduce((sum, value, i) => sum + (value - y[i]) ** 2, 0);
      return {
        mean(x) {
          const near = places.reduce((a, b) => (squared(x, b) < squared(x, a) ? b : a));
          return Array.from({ length: 4 }, (_, k) => (places.indexOf(near) % 4 === k ? 0.8 : 0.2));
        },
      };
    },
  ],
  [
    "ring, 2 x 3",
    "interacting",
    2,
    3,
    real(2),
    () => ({
      mean: ([a, b]) => {
        const ring = Math.hypot(a, b) < 0.8 ? 0 : Math.hypot(a, b) < 1.5 ? 1 : 2;
        return [0, 1, 2].map((k) => (k === ring ? 0.7 : 0.3));
      },
    }),
  ],
  [
    "multiplexer, 6 bits x 2",
    "interacting",
    6,
    2,
    bits(6),
    () => ({ mean: ([a, b, ...data]) => [0, 1].map((k) => (data[2 * a + b] === k ? 0.8 : 0.2)) }),
  ],
  [
    "a teacher of 8 units, 8 x 5",
    "interacting",
    8,
    5,
    real(8),
    (_, normal) => {
      const first = directions(8, 8, 3, normal);
      const second = directions(5, 8, 3, normal);
      return {
        mean(x) {
          const units = first.map((w) => Math.tanh(dot(w, x)));
          return second.map((w) => sigmoid(dot(w, units)));
        },
      };
    },
  ],

  [
    "turning, 8 x 4",
    "drifting",
    8,
    4,
    real(8),
    (_, normal) => {
      const [from, to] = [0, 1].map(() => directions(4, 8, 1.5, normal));
      return {
        mean: (x, t) => {
          const angle = (2 * Math.PI * t) / 30_000;
          return from.map((w, k) =>
            sigmoid(Math.cos(angle) * dot(w, x) + Math.sin(angle) * dot(to[k], x) - 0.5),
          );
        },
      };
    },
  ],
  [
    "another world every 5,000, 6 x 4",
    "drifting",
    6,
    4,
    real(6),
    (_, normal) => {
      const worlds = Array.from({ length: 12 }, () => directions(4, 6, 1.5, normal));
      return { mean: (x, t) => worlds[Math.floor(t / 5000) % 12].map((w) => sigmoid(dot(w, x) - 0.5)) };
    },
  ],
  [
    "the best article wanes, 5 x 6",
    "drifting",
    5,
    6,
    real(5),
    (uniform, normal) => {
      const weights = directions(6, 5, 0.7, normal);
      const phases = Array.from({ length: 6 }, uniform);
      return {
        mean: (x, t) =>
          weights.map((w, k) => sigmoid(dot(w, x) - 1 + Math.sin(2 * Math.PI * (t / 10_000 + phases[k])))),
      };
    },
  ],
  [
    "exclusive or that turns over, 2 x 2",
    "drifting",
    2,
    2,
    real(2),
    () => ({ mean: ([a, b], t) => (a * b > 0 === t < 15_000 ? [0.8, 0.2] : [0.2, 0.8]) }),
  ],
];

/** Tables of scikit-learn, `tables.py`: the action is a class, right or wrong. */
export const tables = ["digits", "iris", "wine", "breast_cancer"];

/** `{ name, kind, inputs, actions }` of all worlds. */
export function worldNames(loaded) {
  return [
    ...simulated.map(([name, kind, inputs, actions]) => ({ name, kind, inputs, actions })),
    ...tables.flatMap((name) => {
      const table = loaded?.[name];
      return table ? [{ name, kind: "table", inputs: table.inputs, actions: table.classes }] : [];
    }),
  ];
}

/**
 * A world as every learner sees it: `contexts` [visits, inputs], `rewards` and `expected` [visits, actions].
 *
 * @param loaded tables by name: `{ inputs, classes, rows, features, labels }`
 */
export function draw(name, seed, visits, loaded) {
  const uniform = uniforms(1_000_003 * seed + 17);
  const normal = normals(uniform);
  const known = simulated.find(([own]) => own === name);
  const { inputs: d, actions: K, kind } = worldNames(loaded).find((world) => world.name === name);
  const contexts = new Float32Array(visits * d);
  const [rewards, expected] = [new Float32Array(visits * K), new Float32Array(visits * K)];
  if (known === undefined) {
    const { rows, features, labels } = loaded[name];
    for (let t = 0; t < visits; t++) {
      const row = Math.floor(uniform() * rows);
      contexts.set(features.slice(row * d, (row + 1) * d), t * d);
      rewards[t * K + labels[row]] = expected[t * K + labels[row]] = 1;
    }
    return { name, kind, inputs: d, actions: K, visits, contexts, rewards, expected };
  }
  const [, , , , see, make] = known;
  const { mean, noise } = make(uniform, normal);
  for (let t = 0; t < visits; t++) {
    const x = see(uniform, normal);
    contexts.set(x, t * d);
    mean(x, t).forEach((value, k) => {
      expected[t * K + k] = value;
      rewards[t * K + k] = noise === undefined ? (uniform() < value ? 1 : 0) : value + noise * normal();
    });
  }
  return { name, kind, inputs: d, actions: K, visits, contexts, rewards, expected };
}
