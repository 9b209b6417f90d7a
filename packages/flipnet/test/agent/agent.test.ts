import { expect, test } from "vitest";
import { createAgent } from "../../src/agent/agent.ts";
import { loadAgent } from "../../src/agent/load.ts";
import { bestKernels, bestModule } from "../../src/backend/kinds.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { InputError, RunError } from "../../src/formats/errors.ts";
import { decode, encode, SafetensorsError } from "../../src/formats/safetensors.ts";
import { adam } from "../../src/optimizers/adam.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { numbers } from "../helpers.ts";

/** Which of three stretches the first feature lies in. */
const best = ([x]: number[]) => (x < -0.3 ? 0 : x < 0.3 ? 1 : 2);
const contexts = Array.from({ length: 4000 }, (_, i) => numbers(i, 2));

test("an agent learns from single rewards", async () => {
  const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;
  const ends: number[] = [];
  for (const seed of [1, 2, 3]) {
    const agent = await createAgent({ inputs: 2, actions: 3, seed });
    const rewards = contexts.map((context) => {
      const reward = agent.act(context) === best(context) ? 1 : 0;
      agent.learn(reward);
      return reward;
    });
    expect(mean(rewards.slice(0, 200))).toBeLessThan(0.6);
    ends.push(mean(rewards.slice(-500)));
  }
  // One seed's ends at 0.85, give or take 0.016; without the context 0.35 is best.
  expect(mean(ends)).toBeGreaterThan(0.82);
});

test("batches of any size share what was learned", async () => {
  const agent = await createAgent({ inputs: 2, actions: 3, seed: 1, hidden: [16] });
  let right = 0;
  for (let i = 0, size = 1; i + size <= contexts.length; i += size, size = 1 + (i % 7)) {
    const batch = contexts.slice(i, i + size);
    const rewards: number[] = agent.actBatch(batch).map((action, b) => (action === best(batch[b]) ? 1 : 0));
    agent.learnBatch(rewards);
    if (i >= 3500) right += rewards.reduce((a, b) => a + b, 0) / 500;
  }
  expect(right).toBeGreaterThan(0.7);
});

test("the baseline goes over from one size of batch to another, and back", async () => {
  const agent = await createAgent({ inputs: 2, actions: 3, hidden: [2], baselineDecay: 0.75 });
  let expected = 0;
  // More sizes than there are buffers kept for.
  for (const [i, size] of [1, 2, 3, 4, 5, 6, 2, 1, 5].entries()) {
    agent.actBatch(contexts.slice(0, size));
    const rewards = numbers(i, size, 0, 2);
    agent.learnBatch(rewards);
    expected = 0.75 * expected + 0.25 * (rewards.reduce((a, b) => a + b) / size);
    const { "estimator.baseline.0": baseline } = decode(await agent.save(), "the agent").tensors;
    expect(baseline.data[0]).toBeCloseTo(expected, 6);
  }
});

test("a saved agent goes on exactly where it was", async () => {
  for (const backend of [createReferenceBackend(), undefined]) {
    const agent = await createAgent({ inputs: 2, actions: 3, seed: 2 }, backend);
    const live = (one: typeof agent, from: number, to: number) =>
      contexts.slice(from, to).map((context) => {
        const action = one.act(context);
        one.learn(action === best(context) ? 1 : 0);
        return action;
      });
    live(agent, 0, 300);
    const copy = await loadAgent(await agent.save(), undefined, backend);
    expect(live(copy, 300, 600)).toEqual(live(agent, 300, 600));
  }
});

test("what cannot be is refused with the offending value", async () => {
  const agent = await createAgent({ inputs: 2, actions: 3, inputKind: "bits", estimator: reinforce });
  expect(() => agent.act([1])).toThrow("context 0 has 1 numbers; expected 2");
  expect(() => agent.act([1, 0.5])).toThrow("context 0 has 0.5 at place 1; expected 0 or 1");
  expect(() => agent.learn(1)).toThrow("there are 1 rewards; expected 0");
  agent.act([1, 0]);
  expect(() => agent.learn(Number.NaN)).toThrow(
    "reward 0 is NaN; expected a number of at most 1000000000 in size",
  );
  agent.learn(1);
  await expect(createAgent({ inputs: 2, actions: 2, hidden: [0] })).rejects.toThrow("0 units");
  // Of its optimizer's description, as in "learningRate", one letter.
  const damaged = Buffer.from(await agent.save());
  const at = damaged.indexOf('"learningRate"');
  expect(at).toBeGreaterThan(0);
  damaged[at] = 0;
  await expect(loadAgent(Uint8Array.from(damaged))).rejects.toThrow(
    /is not the description of an optimizer$/,
  );
  await expect(loadAgent(new Uint8Array(5))).rejects.toThrow(SafetensorsError);
  await expect(loadAgent(await agent.save(), sgd({ learningRate: 1 }))).rejects.toThrow(
    'the agent was made with another optimizer: its name was "adam", and is "sgd" here',
  );
});

test.each<[object | null, string]>([
  [null, "the agent's options are null; expected at least { inputs, actions }"],
  [{ actions: 2 }, "inputs of the agent is missing; expected a whole number from 1 on"],
  [{ inputs: 2, actions: 1 }, "actions of the agent is 1; expected a whole number from 2 on"],
  [{ inputs: 2, actions: 2, hiden: [3] }, 'hiden is no option of the agent; did you mean "hidden"?'],
  [{ inputs: 2, actions: 2, seed: 1.5 }, "seed of the agent is 1.5; expected a whole number from 0 on"],
  [
    { inputs: 2, actions: 2, baselineDecay: 2 },
    "baselineDecay of the agent is 2; expected a number from 0 on, below 1",
  ],
  [
    { inputs: 2, actions: 2, inputKind: "reals" },
    'inputKind of the agent is "reals"; expected one of real, bits',
  ],
  [
    { inputs: 2, actions: 2, estimator: "hnca" },
    'estimator of the agent is "hnca"; expected an estimator, such as hnca',
  ],
  [{ inputs: 2, actions: 2, optimizer: "adam" }, 'optimizer of the agent is "adam"; expected an optimizer'],
  [
    { inputs: 2, actions: 2, baseline: "running_average" },
    'baseline of the agent is "running_average"; expected none',
  ],
  [
    { inputs: 2, actions: 2, maxPending: 0 },
    "maxPending of the agent is 0; expected a whole number from 1 on",
  ],
])("options that make no agent: %j", async (options, message) => {
  const made = createAgent(options as never);
  await expect(made).rejects.toThrow(message);
  await expect(made).rejects.toThrow(InputError);
});

test("contexts that cannot be are refused in one sentence", async () => {
  const agent = await createAgent({ inputs: 2, actions: 3 });
  const wrong: [unknown, string][] = [
    [null, "the context has no numbers; expected 2"],
    [3, "the context is 3; expected 2 numbers"],
    [[1], "the context has 1 numbers; expected 2"],
    [["1", 2], 'the context has "1" at place 0; expected a number of at most 1000000000 in size'],
    [[1, Number.NaN], "the context has NaN at place 1"],
    [[1, 1e39], "the context has 1e+39 at place 1"],
  ];
  for (const [context, message] of wrong) {
    for (const ask of [() => agent.decide(context as never), () => agent.probabilities(context as never)]) {
      expect(ask).toThrow(message);
      expect(ask).toThrow(InputError);
    }
  }
  expect(agent.pending).toBe(0);
});

test("an agent comes back with its optimizer, or not at all", async () => {
  const made = { inputs: 2, actions: 3, optimizer: adam({ learningRate: 0.001 }) };
  const agent = await createAgent(made);
  agent.act([1, 2]);
  agent.learn(1);
  const bytes = await agent.save();
  const copy = await loadAgent(bytes);
  expect(await copy.save()).toEqual(bytes);
  await expect(loadAgent(bytes, adam({ learningRate: 0.01 }))).rejects.toThrow(
    "another optimizer: its learningRate",
  );

  const { tensors, metadata } = decode(bytes, "the agent");
  const settings = JSON.parse(metadata.agent);
  const others = encode(tensors, { ...metadata, agent: JSON.stringify({ ...settings, hidden: [5] }) });
  await expect(loadAgent(others)).rejects.toThrow("layers.0.weights has shape [32,2]; expected [5,2]");
  await expect(loadAgent(encode(tensors, { ...metadata, agent: "{" }))).rejects.toThrow(
    "damaged: its settings are no JSON",
  );
});

test("weights that are not finite are found, and not saved", async () => {
  const agent = await createAgent({ inputs: 1, actions: 2, optimizer: sgd({ learningRate: 1e38 }) });
  agent.act([1e9]);
  agent.learn(1e9);
  await expect(agent.save()).rejects.toThrow(RunError);
  expect(() => {
    for (let n = 0; n < 1000; n++) {
      agent.act([1]);
      agent.learn(0);
    }
  }).toThrow("holds a number that is not finite");
});

test("no reward that is taken spoils the weights", async () => {
  for (const optimizer of [adam({ learningRate: 0.01 }), sgd({ learningRate: 0.01 })]) {
    const agent = await createAgent({ inputs: 1, actions: 2, optimizer });
    for (const reward of [1e9, -1e9, 1, 0]) {
      const { id } = agent.decide([1e9]);
      expect(() => agent.reward(id, 1e39)).toThrow(
        "the reward is 1e+39; expected a number of at most 1000000000",
      );
      agent.reward(id, reward);
    }
    const { probabilities } = agent.probabilities([1]);
    expect(probabilities[0] + probabilities[1]).toBeCloseTo(1, 6);
    await agent.save();
  }
});

test("batches of many sizes take no more memory than those of a few", async () => {
  const backend = await createWasmBackend();
  const agent = await createAgent({ inputs: 200, actions: 3, hidden: [100, 100] }, backend);
  const used = () => Object.values(backend.features.memory!.used).reduce((a, b) => a + b);
  const play = (size: number) => {
    const rows = Array.from({ length: size }, (_, i) => numbers(i, 200));
    agent.learnBatch(agent.actBatch(rows).map((action) => action));
  };
  for (const size of [40, 39, 38, 37]) play(size);
  const most = used();
  for (let size = 36; size > 1; size--) play(size);
  expect(used()).toBeLessThanOrEqual(most);
});

test("given no backend, a small agent has kernels of WebAssembly, a larger one the fastest of the host; loaded, the same", async () => {
  for (const [hidden, kernels] of [
    [[8], bestModule()],
    [[200], bestKernels()],
  ] as const) {
    const options = { inputs: 20, actions: 3, hidden, seed: 4 };
    const given = await createAgent(options, await createWasmBackend({ kernels }));
    const loaded = await loadAgent(await (await createAgent(options)).save());
    for (const agent of [given, loaded]) {
      for (let n = 0; n < 20; n++) agent.learn(agent.act(numbers(n, 20)));
    }
    expect(await loaded.save()).toEqual(await given.save());
  }
});
