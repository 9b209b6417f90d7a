// What a step of an environment costs where it is learned from: CartPole, 64 and 32 coins, a critic of the same widths, traces
// of both, Adam.
import { adam, createWasmBackend, findEstimator } from "../packages/flipnet/dist/index.js";
import { findTask } from "../packages/flipnet/dist/tasks/registry.js";
import { createTraining } from "../packages/flipnet/dist/training/create.js";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number } from "./lib/table.mjs";

/** Microseconds of a step with HNCA. */
const most = 45;

async function stepOf(estimator, environment, kernels) {
  const control = findTask("control");
  const settings = Object.fromEntries(
    Object.entries(control.settings).map(([name, { default: usual }]) => [name, usual]),
  );
  const backend = await createWasmBackend({ kernels });
  const { task, network } = control.create(backend, {
    ...settings,
    ...control.usual,
    environment,
    steps: Number.MAX_SAFE_INTEGER,
    seed: 0,
  });
  const optimizer = adam({ learningRate: 1e-3 });
  const training = createTraining(task, network, { estimator: findEstimator(estimator), optimizer });
  return { call: () => training.rehearse() };
}

export async function benchmarkControl({ quick, kernels }) {
  const rows = [
    ["cart-pole", "hnca"],
    ["cart-pole", "reinforce"],
    ["acrobot", "hnca"],
  ];
  const steps = await Promise.all(
    rows.map(([environment, estimator]) => stepOf(estimator, environment, kernels)),
  );
  const times = takeTurns(steps, { rounds: quick ? 9 : 25, milliseconds: 20 }).map((each) =>
    spread(each.map((ns) => ns / 1000)),
  );
  const data = rows.map(([environment, estimator], i) => ({ environment, estimator, ...times[i] }));
  return {
    data,
    tables: [
      [
        "Control: a step of an environment, 64 and 32 coins, critic and traces, µs",
        [
          ["environment", "estimator", "median (quartiles)", "least"],
          ...data.map(({ environment, estimator, median, lower, upper, least }) => [
            environment,
            estimator,
            `${number(median)} (${number(lower)} to ${number(upper)})`,
            number(least),
          ]),
        ],
      ],
    ],
    timings: data.map(({ environment, estimator, ...time }) => ({
      what: `control: ${environment}, ${estimator}`,
      unit: "µs",
      ...time,
    })),
    targets: [{ what: "control: CartPole with HNCA, µs a step", measured: data[0].least, atMost: most }],
  };
}
