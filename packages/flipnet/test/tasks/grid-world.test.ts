// An episode is a task like any other: it acts, sees what happens and goes on.
import { describe, expect, test } from "vitest";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { estimatorsFor } from "../../src/estimators/registry.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { gridWorld } from "../../src/tasks/grid-world.ts";
import { readActions, type Task } from "../../src/tasks/task.ts";
import { createTraining } from "../../src/training/create.ts";
import type { EpochRecord, Training } from "../../src/training/training.ts";

const settings = {
  ...{ hidden: [12, 8], units: "plus-minus" as const, batchSize: 7, seed: 3 },
  ...{ size: 3, horizon: 6, steps: 100, recordEvery: 25 },
};
const learning = { estimator: hnca, optimizer: adam({ learningRate: 0.02 }), seed: 3 };

type Backend = Parameters<typeof gridWorld.create>[0];
function newTraining(
  backend: Backend,
  estimator = learning.estimator,
  change: Partial<typeof settings> = {},
) {
  const { task, network } = gridWorld.create(backend, { ...settings, ...change }, undefined as never);
  return createTraining(task, network, { ...learning, estimator });
}

async function recordsOf(training: Training, epochs = 4): Promise<EpochRecord[]> {
  const records: EpochRecord[] = [];
  for await (const record of training.run(epochs)) records.push(record);
  return records;
}

test.each([reinforce, hnca])("$name learns to arrive, and soon", async (estimator) => {
  for (const backend of [createReferenceBackend(), await createWasmBackend()]) {
    const change = { batchSize: 16, steps: 300, recordEvery: 100 };
    const [first, , last] = await recordsOf(newTraining(backend, estimator, change), 3);
    // At best two steps on average, and 0.9 of a return.
    expect(Number(last.return)).toBeGreaterThan(Number(first.return) + 0.1);
    expect(Number(last.return)).toBeGreaterThan(0.75);
    expect(Number(last.length)).toBeLessThan(Number(first.length));
    expect(Number(last.length)).toBeGreaterThan(1);
  }
});

test("everything that learns from a reward alone can learn it", async () => {
  const tried = estimatorsFor(gridWorld.offers).filter(
    ({ needs }) => needs.singleUnit === undefined && needs.bernoulli !== "all",
  );
  expect(tried.length).toBeGreaterThan(4);
  for (const estimator of tried) {
    const [record] = await recordsOf(newTraining(createReferenceBackend(), estimator), 1);
    expect(Number.isFinite(record.gradientVariance), estimator.name).toBe(true);
  }
});

/** A step of a training, with what it saw and did. */
function stepped(backend: ReturnType<typeof createReferenceBackend>, estimator = hnca) {
  const training = newTraining(backend, estimator);
  training.task.startEpoch(0);
  training.rehearse();
  const { task, learner } = training;
  const { pass, credits } = learner.estimator;
  const read = (m: Parameters<typeof backend.readNow>[0]) => [...backend.readNow(m)];
  return { task, pass, credits, read, actions: readActions(backend, pass.layers[2].bits) };
}

test("what a row sees is what the row before did; the reward is what comes from there on", () => {
  const backend = createReferenceBackend();
  const { task, pass, read, actions } = stepped(backend);
  const { size, horizon: T, batchSize: B } = settings;
  const seen = read(pass.input);
  const [weights, rewards] = [task.weights!, task.objective.prepare(pass).components[0].value].map(read);
  const cellOf = (row: number) => {
    const bits = seen.slice(row * 2 * size, (row + 1) * 2 * size);
    expect(bits.filter((bit) => bit === 1)).toHaveLength(2);
    return [bits.indexOf(1), bits.indexOf(1, size) - size];
  };
  const goal = size - 1;
  let arrived = 0;
  for (let b = 0; b < B; b++) {
    let [row, column] = cellOf(b);
    let over = false;
    let earned = 0;
    for (let t = 0; t < T; t++) {
      const place = t * B + b;
      expect(cellOf(place)).toEqual([row, column]);
      expect(weights[place]).toBe(over ? 0 : 1);
      expect(rewards[place]).toBeCloseTo(rewards[b] - earned, 12);
      if (over) continue;
      if (actions[place] === 0) row = Math.max(0, row - 1);
      if (actions[place] === 1) row = Math.min(goal, row + 1);
      if (actions[place] === 2) column = Math.max(0, column - 1);
      if (actions[place] === 3) column = Math.min(goal, column + 1);
      over = row === goal && column === goal;
      earned += (over ? 1 : 0) - 0.05;
      arrived += Number(over);
    }
    expect(rewards[b]).toBeCloseTo(earned, 12);
  }
  expect(arrived).toBeGreaterThan(0);
  expect(new Set(actions).size).toBeGreaterThan(2);
});

test("rows behind the end of an episode get no credit", () => {
  const backend = createReferenceBackend();
  const { task, credits, read } = stepped(backend);
  const weights = read(task.weights!);
  expect(weights).toContain(0);
  for (const { g } of credits) {
    const values = read(g);
    weights.forEach((weight, row) => {
      const own = values.slice(row * g.columns, (row + 1) * g.columns);
      expect(own.some((value) => value !== 0)).toBe(weight === 1);
    });
  }
});

test("the law of every row is that of what it saw, and time draws anew", () => {
  const backend = createReferenceBackend();
  const { pass, read } = stepped(backend);
  const [{ p, bits }] = pass.layers;
  const [inputs, laws, outcomes] = [pass.input, p, bits].map(read);
  const textOf = (values: number[], width: number, row: number) =>
    values.slice(row * width, (row + 1) * width).join();
  const laid = new Map<string, string>();
  const done = new Map<string, Set<string>>();
  for (let row = 0; row < pass.batchSize; row++) {
    const seen = textOf(inputs, pass.input.columns, row);
    const law = textOf(laws, p.columns, row);
    expect(laid.get(seen) ?? law).toBe(law);
    laid.set(seen, law);
    done.set(seen, (done.get(seen) ?? new Set()).add(textOf(outcomes, bits.columns, row)));
  }
  expect(Math.max(...[...done.values()].map(({ size }) => size))).toBeGreaterThan(1);
});

describe.each([
  ["the reference", async () => createReferenceBackend()],
  ["wasm", () => createWasmBackend({ kernels: "portable" })],
])("on %s", (_, make) => {
  test("a training that stops anywhere and is restored elsewhere goes on bit for bit", async () => {
    const whole = newTraining(await make());
    const timeless = ({ msPerStep, ...rest }: EpochRecord) => rest;
    const expected = (await recordsOf(whole)).map(timeless);
    const records: ReturnType<typeof timeless>[] = [];
    let training = newTraining(await make());
    while (training.epoch < 4) {
      const hooks = { pauseMilliseconds: 0, pause: () => false };
      for await (const record of training.run(4, hooks)) records.push(timeless(record));
      const tensors = await training.tensors();
      training = newTraining(await make());
      training.restore(tensors);
    }
    expect(records).toEqual(expected);
    const [{ "training.milliseconds": _, ...a }, { "training.milliseconds": __, ...b }] = [
      await training.tensors(),
      await whole.tensors(),
    ];
    expect(a).toEqual(b);
  });
});

describe("what acts is every row once, in order", () => {
  const played = (play: NonNullable<Task["play"]>) => {
    const backend = createReferenceBackend();
    const { task, network } = gridWorld.create(backend, settings, undefined as never);
    const other: Task = {
      ...{ backend, batchSize: task.batchSize, input: task.input, objective: task.objective },
      ...{ stepsPerEpoch: 1, metrics: [], startEpoch() {}, addMetrics() {} },
      ...{ evaluate: async () => ({}), play },
    };
    return () => createTraining(other, network, learning).rehearse();
  };
  test.each<[string, NonNullable<Task["play"]>, string]>([
    ["none", () => {}, "0 of 42 rows have acted; expected every row once a step"],
    ["some", (act) => act(0, 7), "7 of 42 rows have acted"],
    ["others first", (act) => act(7, 7), "rows 7 to 13 are to act, and 0 of 42 have"],
    ["some twice", (act) => [act(0, 7), act(0, 7)], "rows 0 to 6 are to act, and 7 of 42 have"],
    ["too many", (act) => act(0, 43), "rows 0 to 42 are to act, and 0 of 42 have"],
  ])("%s", (_, play, message) => expect(played(play)).toThrow(message));
  test("all at once", () => expect(played((act) => void act())).not.toThrow());
});
