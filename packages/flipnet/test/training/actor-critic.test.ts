// Temporal differences with traces, against the same sums formed forward, from whole episodes.
import { describe, expect, it } from "vitest";
import type { ImmediateBackend } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { prepareGradient } from "../../src/estimators/gradient.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { nvil } from "../../src/estimators/nvil.ts";
import { straightThrough } from "../../src/estimators/straight-through.ts";
import { weightMax } from "../../src/estimators/weight-max.ts";
import { createNetwork } from "../../src/network/network.ts";
import { rewardObjective } from "../../src/objectives/reward.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { Control, type ControlOptions } from "../../src/tasks/control.ts";
import { createTraining } from "../../src/training/create.ts";
import { walk } from "../environments/walk.ts";

const usual: ControlOptions = {
  batchSize: 1,
  steps: 1000,
  recordEvery: 100,
  update: "episode",
  atLimit: "end",
  discountStates: true,
  gamma: 0.9,
  traceLambda: 0.7,
  criticLambda: 0.4,
  critic: [3],
  criticRate: 1,
  seed: 3,
};

function prepare(
  backend: ImmediateBackend,
  change: Partial<ControlOptions> = {},
  optimizer = sgd({ learningRate: 1 }),
) {
  const options = { ...usual, ...change };
  const task = new Control(backend, walk, options);
  const network = createNetwork(backend, {
    inputs: 2,
    inputKind: "real",
    units: "plus-minus",
    layers: [
      { kind: "bernoulli", units: 3 },
      { kind: "bernoulli", units: 2 },
      { kind: "softmax", units: 1, choices: 2 },
    ],
  });
  return {
    task,
    training: createTraining(task, network, { estimator: hnca(), optimizer, seed: options.seed }),
  };
}

describe("a critic's rates", () => {
  const ratesOf = (change: Partial<ControlOptions>) => {
    const { training } = prepare(createReferenceBackend(), change);
    const { network, parameters } = training.learner;
    return parameters.slice(network.layers.length).map(({ rate, rateEnd }) => [rate, rateEnd]);
  };

  it("are one, or one a layer, and end where they began unless it is said", () => {
    expect(ratesOf({ criticRate: 0.5 })).toEqual([
      [0.5, 0.5],
      [0.5, 0.5],
    ]);
    expect(ratesOf({ criticRate: [0.5, 0.25], criticRateEnd: 0 })).toEqual([
      [0.5, 0],
      [0.25, 0],
    ]);
  });

  it("are refused in another number", () => {
    expect(() => ratesOf({ criticRate: [1] })).toThrow("there are 1 rates for a critic of 2 layers");
  });
});

describe("an episode's update", () => {
  it.each([
    { name: "to its end", change: {} },
    {
      name: "without gamma^t, and with a bootstrap at a cut",
      change: { discountStates: false, atLimit: "bootstrap" as const },
    },
    { name: "without a critic", change: { critic: undefined } },
  ])("is the forward sum of its scores, $name", ({ change }) => {
    const backend = createReferenceBackend();
    const { task, training } = prepare(backend, { ...change, seed: 5 });
    const { network, parameters } = training.learner;
    const { gamma, traceLambda, discountStates } = { ...usual, ...change };
    const read = () => parameters.map(({ block }) => [...backend.readNow(block)]);
    const before = read();

    /** The critic, by hand: it stays what it is until the episode is over. */
    const [first, last] = before.slice(network.layers.length);
    const worth = ([x, y]: readonly number[]) => {
      if (first === undefined) return 0;
      const hidden = [0, 1, 2].map((j) => Math.tanh((x * first[j] + y * first[3 + j] + first[6 + j]) / 2));
      return hidden.reduce((sum, h, j) => sum + h * last[j], last[3]);
    };

    const steps: { seen: number[]; bits: number[][]; error: number }[] = [];
    const { transitions } = task.steps;
    do {
      training.rehearse();
      const [seen, next] = [task.input, transitions.next].map((m) => [...backend.readNow(m)]);
      const bits = training.learner.estimator.pass.layers.map((layer) => [...backend.readNow(layer.bits)]);
      const error = transitions.rewards[0] + transitions.discounts[0] * worth(next) - worth(seen);
      steps.push({ seen, bits, error });
    } while (!transitions.moves);
    expect(steps.length).toBeGreaterThan(2);
    const moved = read().map((block, i) => block.map((x, e) => x - before[i][e]));
    parameters.forEach(({ block }, i) => {
      backend.write(block, before[i]);
    });

    const T = steps.length;
    const input = backend.matrix(T, 2);
    const reward = backend.matrix(T, 1);
    backend.write(
      input,
      steps.flatMap(({ seen }) => seen),
    );
    const sums = steps.map(({ error }) => error);
    for (let t = T - 2; t >= 0; t--) sums[t] += gamma * traceLambda * sums[t + 1];
    backend.write(
      reward,
      sums.map((sum, t) => (discountStates ? gamma ** t : 1) * sum),
    );
    const whole = hnca().prepare({
      network,
      input,
      objective: rewardObjective(reward),
      baseline: "none",
      baselineDecay: 0.99,
    });
    whole.sample({
      draw: ({ layer }) =>
        backend.write(
          whole.pass.layers[layer.index].bits,
          steps.flatMap(({ bits }) => bits[layer.index]),
        ),
    });
    whole.credit();
    const gradient = prepareGradient(backend, network.layers, whole.credits);
    gradient.compute();
    gradient.blocks.forEach((block, i) => {
      const mean = backend.readNow(block);
      moved[i].forEach((x, e) => {
        expect(x).toBeCloseTo(T * mean[e], 12);
      });
    });
    // The critic climbs its errors along its own slopes: the last bias is every step's fading sum of errors.
    if (first === undefined) return;
    const traces = steps.map((_, t) =>
      steps.slice(0, t + 1).reduce((sum, __, k) => sum + (gamma * usual.criticLambda) ** (t - k), 0),
    );
    const slope = steps.reduce((sum, { error }, t) => sum + error * traces[t], 0);
    expect(moved[moved.length - 1][3]).toBeCloseTo(slope, 12);
  });

  it("has a baseline for each time step, if asked to", () => {
    const backend = createReferenceBackend();
    const change = { critic: [], byTime: true, criticLambda: 0, atLimit: "bootstrap" } as const;
    const { task, training } = prepare(backend, change);
    const { parameters } = training.learner;
    const { block } = parameters[parameters.length - 1];
    const { transitions } = task.steps;
    const before = [...backend.readNow(block)];
    expect(before).toHaveLength(walk.limit + 2);
    const worth = (t: number) => before[t] + before[walk.limit + 1];
    const errors: number[] = [];
    do {
      training.rehearse();
      const t = errors.length;
      errors.push(transitions.rewards[0] + transitions.discounts[0] * worth(t + 1) - worth(t));
    } while (!transitions.moves);
    const moved = [...backend.readNow(block)].map((x, e) => x - before[e]);
    before.slice(0, -1).forEach((_, t) => {
      expect(moved[t]).toBeCloseTo(errors[t] ?? 0, 12);
    });
  });

  it("of several episodes side by side is the mean of theirs, once all are over", () => {
    const backend = createReferenceBackend();
    const { task, training } = prepare(backend, { batchSize: 3 });
    const before = training.learner.parameters.map(({ block }) => [...backend.readNow(block)]);
    const same = () =>
      training.learner.parameters.every(({ block }, i) =>
        backend.readNow(block).every((x, e) => x === before[i][e]),
      );
    for (let t = 0; t < walk.limit; t++) {
      training.rehearse();
      if (task.steps.transitions.moves) break;
      expect(same()).toBe(true);
    }
    expect(task.steps.transitions.moves).toBe(true);
    expect(same()).toBe(false);
  });
});

describe("Weight Maximization with traces", () => {
  it("is the rule of each unit by itself, from the last layer on, behind weights that have moved", () => {
    const backend = createReferenceBackend();
    const [gamma, lambda, rate] = [0.9, 0.7, 0.3];
    const task = new Control(backend, walk, {
      ...usual,
      ...{ update: "step", atLimit: "skip", discountStates: false, traceLambda: lambda, critic: undefined },
    });
    const network = createNetwork(backend, {
      inputs: 2,
      inputKind: "real",
      units: "zero-one",
      layers: [
        { kind: "bernoulli", units: 3 },
        { kind: "bernoulli", units: 2 },
        { kind: "softmax", units: 1, choices: 2, reference: true },
      ],
    });
    const optimizer = sgd({ learningRate: rate });
    const training = createTraining(task, network, { estimator: weightMax(), optimizer, seed: 1 });
    const { transitions } = task.steps;
    const { pass } = training.learner.estimator;
    const read = () => network.layers.map(({ block }) => [...backend.readNow(block)]);
    const weights = read();
    const traces = weights.map((block) => block.map(() => 0));
    let skipped = 0;
    for (let t = 0; t < 40; t++) {
      training.rehearse();
      const bits = pass.layers.map((layer) => [...backend.readNow(layer.bits)]);
      const shown = [[...backend.readNow(task.input)], ...bits];
      const learns = transitions.weights[0] === 1;
      if (!learns) skipped++;
      const delta = transitions.rewards[0];
      let signal = [delta, 0];
      for (let layer = 2; layer >= 0 && learns; layer--) {
        const J = bits[layer].length;
        const x = [...shown[layer], 1];
        const p = backend.readNow(pass.layers[layer].p);
        const change = traces[layer].map((trace, e) => {
          const [i, j] = [Math.floor(e / J), e % J];
          const fixed = layer === 2 && j === 1;
          const own = fixed ? 0 : x[i] * (bits[layer][j] - p[j]);
          traces[layer][e] = (transitions.first[0] ? 0 : gamma * lambda * trace) + own;
          return traces[layer][e] * signal[j];
        });
        weights[layer] = weights[layer].map((w, e) => w + rate * change[e]);
        signal = shown[layer].map((_, i) =>
          bits[layer].reduce((sum, __, j) => sum + weights[layer][i * J + j] * change[i * J + j], 0),
        );
      }
      read().forEach((block, layer) => {
        block.forEach((w, e) => {
          expect(w).toBeCloseTo(weights[layer][e], 12);
        });
      });
    }
    expect(skipped).toBeGreaterThan(0);
    expect(weights[2].filter((_, e) => e % 2 === 1)).toEqual([0, 0, 0]);
  });
});

describe("a run", () => {
  it("ends with its last episode, in a record, wherever it was stopped before", async () => {
    const make = (episodes: number) =>
      prepare(createReferenceBackend(), { episodes, recordEvery: 20 }).training;
    const one = make(7);
    const records = [];
    for await (const record of one.run(50)) records.push(record);
    const last = records[records.length - 1];
    expect([last.episodes, last.step % 20 > 0, records.length]).toEqual([7, true, Math.ceil(last.step / 20)]);
    const ended = await one.tensors();
    const other = make(7);
    other.restore(ended);
    for await (const _ of other.run(50)) throw new Error("there was nothing left");
    expect([other.step, other.epoch]).toEqual([one.step, one.epoch]);
  });

  it("has no return in a record within which no episode ended", async () => {
    const { training } = prepare(createReferenceBackend(), { recordEvery: 1 });
    const first = (await training.run(1).next()).value;
    expect(first).toMatchObject({ episodes: 0, step: 1 });
    expect(first).not.toHaveProperty("return");
  });

  it("goes on in the middle of an episode to the same bits", async () => {
    for (const update of ["step", "episode"] as const) {
      const make = async () =>
        prepare(await createWasmBackend(), { update, batchSize: 2 }, adam({ learningRate: 1e-2 })).training;
      const [one, other] = [await make(), await make()];
      for (let t = 0; t < 8; t++) one.rehearse();
      other.restore(await one.tensors());
      for (let t = 0; t < 30; t++) {
        one.rehearse();
        other.rehearse();
      }
      expect(await other.tensors()).toEqual(await one.tensors());
    }
  });

  it("learns to walk to the right", async () => {
    const change = {
      update: "step",
      traceLambda: 0.8,
      steps: 3000,
      recordEvery: 60,
      criticRate: 0.01,
    } as const;
    const { training } = prepare(await createWasmBackend(), change, adam({ learningRate: 0.01 }));
    const returns: number[] = [];
    for await (const record of training.run(50)) returns.push(Number(record.return));
    const mean = (some: readonly number[]) => some.reduce((a, b) => a + b) / some.length;
    expect(mean(returns.slice(-5))).toBeGreaterThan(mean(returns.slice(0, 2)) + 0.5);
  });
});

describe("a rule that can have no traces", () => {
  it("is refused with a word on why", () => {
    const backend = createReferenceBackend();
    const task = new Control(backend, walk, usual);
    const network = createNetwork(backend, {
      inputs: 2,
      inputKind: "real",
      units: "plus-minus",
      layers: [
        { kind: "bernoulli", units: 2 },
        { kind: "softmax", units: 1, choices: 2 },
      ],
    });
    const make = (estimator: typeof hnca | ReturnType<typeof weightMax>) => () =>
      createTraining(task, network, { estimator, optimizer: sgd({ learningRate: 1 }) });
    expect(make(weightMax({ hiddenRule: "classification" }))).toThrow(
      "the credit of weight-max is not linear in the reward; expected an estimator that can have traces, hnca or reinforce",
    );
    expect(make(nvil())).toThrow(
      "nvil learns a baseline of its own, in whose place the critic is; expected hnca or reinforce",
    );
    const learning = { estimator: hnca(), optimizer: sgd({ learningRate: 1 }) };
    expect(() => createTraining(task, network, { ...learning, baseline: "running-average" })).toThrow(
      'there is a baseline; expected "none", as the critic is what is subtracted where one learns from steps',
    );
    expect(make(straightThrough())).not.toThrow();
  });
});
