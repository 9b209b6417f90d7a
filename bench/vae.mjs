// What training steps of variational auto-encoders cost: f-HNCA and what it is compared to, on MNIST, layers of 200 units,
// batches of 50. They take turns, a slice of some steps each, of which the fastest counts, in time of the processor:
// others on the machine disturb little, and disturb all alike. A multiple of REINFORCE is one of neighbouring slices.
//
//     node bench/vae.mjs [portable|relaxed]
import { downstream } from "../dist/estimators/resampling.js";
import { adam, createVaeTraining, createWasmBackend, findEstimator, GeneratedDraws } from "../dist/index.js";
import { forkTrace, samplePass } from "../dist/network/trace.js";
import { loadLabelledImages } from "../dist/node/index.js";
import { drive } from "./drive.mjs";
import { spread } from "./spread.mjs";

const methods = {
  REINFORCE: { estimator: "reinforce" },
  // What leave-one-out and DisARM cannot do without.
  "REINFORCE and partial passes": { estimator: "reinforce" },
  "f-HNCA": { estimator: "f-hnca" },
  "f-HNCA, baseline": { estimator: "f-hnca", baseline: "running-average" },
  "leave-one-out": { estimator: "reinforce-loo" },
  "leave-one-out, fresh": { estimator: "reinforce-loo", options: { resample: "fresh" } },
  "leave-one-out, independent": { estimator: "reinforce-loo", options: { resample: "independent" } },
  DisARM: { estimator: "disarm" },
};
const depths = [1, 2, 3, 4];
/** Steps of a slice, and slices of each training. */
const [slice, rounds] = [8, 24];

/** Milliseconds of the fastest of some calls. */
function fastest(call) {
  let least = Infinity;
  for (let i = 0; i < slice; i++) {
    const start = process.cpuUsage();
    call();
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** The partial passes of leave-one-out: from each layer on, with the components that it can influence. */
function partialPasses(backend, { learner, task }) {
  const { network, estimator } = learner;
  const { trace } = estimator;
  const draws = new GeneratedDraws(backend, 1);
  const passes = network.layers.map((layer) => {
    const pass = forkTrace(trace, layer.index, 1 + layer.index);
    return { pass, layer, components: downstream(network, task.objective.prepare(pass).components, layer) };
  });
  return () => {
    for (const { pass, layer, components } of passes) {
      draws.sample(pass.sites[layer.index], pass.layers[layer.index]);
      samplePass(pass, draws, layer.index + 1);
      for (const component of components) component.evaluate();
    }
  };
}

/**
 * `{ kernels, steps, growth }`: `steps` are milliseconds a step and multiples of a REINFORCE step of the same network,
 * `[{ method, layers, milliseconds, multiple }]`; `growth` is what they cost beyond REINFORCE by depth, in REINFORCE
 * steps of one layer, `[{ layers, fHnca, partialPasses, leaveOneOut, disarm }]`.
 */
export async function benchmarkVae(kernels) {
  const data = await loadLabelledImages();
  const backend = await createWasmBackend(kernels && { kernels });
  const trainings = depths.flatMap((layers) =>
    Object.entries(methods).map(([method, { estimator, ...settings }]) => {
      const training = createVaeTraining(backend, data, {
        estimator: findEstimator(estimator),
        optimizer: adam({ learningRate: 1e-3 }),
        hidden: Array(layers).fill(200),
        limit: 5000,
        ...settings,
      });
      const plain = drive(backend, training);
      const extra = method.endsWith("partial passes") ? partialPasses(backend, training) : () => {};
      const step = () => {
        plain();
        extra();
      };
      return { method, layers, step, times: [] };
    }),
  );
  for (const { step } of trainings) for (let i = 0; i < 3; i++) fastest(step);
  for (let round = 0; round < rounds; round++) {
    for (const { step, times } of trainings) times.push(fastest(step));
  }

  const timesOf = (method, layers) =>
    trainings.find((training) => training.method === method && training.layers === layers).times;
  const over = (times, others) => spread(times.map((time, round) => time / others[round]));
  const steps = trainings.map(({ method, layers, times }) => ({
    method,
    layers,
    milliseconds: { ...spread(times), least: Math.min(...times) },
    multiple: over(times, timesOf("REINFORCE", layers)),
  }));
  const growth = depths.map((layers) => {
    const [base, unit] = [timesOf("REINFORCE", layers), timesOf("REINFORCE", 1)];
    const beyond = (method) =>
      over(
        timesOf(method, layers).map((time, round) => time - base[round]),
        unit,
      );
    return {
      layers,
      fHnca: beyond("f-HNCA"),
      partialPasses: beyond("REINFORCE and partial passes"),
      leaveOneOut: beyond("leave-one-out"),
      disarm: beyond("DisARM"),
    };
  });
  return { kernels: backend.kernels, steps, growth };
}

/** Both results as tables of cells, titles first. */
export function vaeTables({ steps, growth }) {
  const number = (value) => value.toPrecision(3);
  const range = ({ median, lower, upper }) => `${number(median)} (${number(lower)} to ${number(upper)})`;
  return [
    [
      "Steps of variational auto-encoders in ms, batch of 50, 784 pixels",
      [
        ["", "layers of 200", "median", "least", "multiple of REINFORCE"],
        ...steps.map(({ method, layers, milliseconds, multiple }) => [
          method,
          `${layers}`,
          range(milliseconds),
          number(milliseconds.least),
          range(multiple),
        ]),
      ],
    ],
    [
      "What they cost beyond REINFORCE, in REINFORCE steps of one layer: f-HNCA grows with depth, the others with its square",
      [
        ["layers of 200", "f-HNCA", "partial passes", "leave-one-out", "DisARM"],
        ...growth.map(({ layers, fHnca, partialPasses, leaveOneOut, disarm }) => [
          `${layers}`,
          ...[fHnca, partialPasses, leaveOneOut, disarm].map(({ median }) => number(median)),
        ]),
      ],
    ],
  ];
}

/** `[[what, measured, at most]]`, milliseconds for a 2.5 GHz Skylake-class core. */
export function vaeTargets({ steps }) {
  const most = { 1: [3.8, 1.9], 2: [5.5, 2.2], 3: [7.5, 2.4] };
  const targets = steps
    .filter(({ method, layers }) => method === "f-HNCA" && layers in most)
    .flatMap(({ layers, milliseconds, multiple }) => [
      [`f-HNCA step, ${layers} x 200, ms`, milliseconds.median, most[layers][0]],
      [`f-HNCA step / REINFORCE step, ${layers} x 200`, multiple.median, most[layers][1]],
    ]);
  const multipleOf = (name) =>
    steps.find(({ method, layers }) => method === name && layers === 3).multiple.median;
  const explained = multipleOf("REINFORCE and partial passes");
  return [
    ...targets,
    ...["leave-one-out", "DisARM"].map((method) => [
      `${method} step / REINFORCE step and partial passes, 3 x 200`,
      multipleOf(method) / explained,
      1.05,
    ]),
  ];
}

if (process.argv[1] === import.meta.filename) {
  const results = await benchmarkVae(process.argv[2]);
  for (const [title, rows] of vaeTables(results)) {
    console.log(`\n${title}\n`);
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    for (const row of rows) {
      console.log(
        `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  ")}`,
      );
    }
  }
  for (const [what, measured, target] of vaeTargets(results)) {
    console.log(`${what}: ${measured.toPrecision(3)}, at most ${target}`);
  }
}
