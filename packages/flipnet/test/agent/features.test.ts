// Agents whose actions are told by features.
import { expect, test } from "vitest";
import { withActions } from "../../src/agent/actions.ts";
import { type Agent, createAgent } from "../../src/agent/agent.ts";
import { loadAgent } from "../../src/agent/load.ts";
import { evaluatePolicy, type LoggedDecision } from "../../src/agent/off-policy.ts";
import { Player, type SteppedDraws } from "../../src/agent/player.ts";
import { type AgentOptions, settingsOf, specOf } from "../../src/agent/settings.ts";
import { exactBandit } from "../../src/audit/bandit-exact.ts";
import { parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { type LayerValues, toBlock } from "../../src/audit/layout.ts";
import type { ImmediateBackend } from "../../src/backend/backend.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { decode } from "../../src/formats/safetensors.ts";
import { createNetwork } from "../../src/network/network.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { numbers } from "../helpers.ts";

const shape = { inputs: 2, actionInputs: 3, hidden: [4], seed: 1, floor: 0.1 };

/** The actions of the n-th decision: two to four of them. */
const actionsOf = (n: number) => Array.from({ length: 2 + (n % 3) }, (_, k) => numbers(50 * n + k, 3));
const contextOf = (n: number) => numbers(n, 2);
/** What is best: the action that is most like the context. */
const earns = (context: readonly number[], [a, b]: readonly number[]) =>
  context[0] * a + context[1] * b > 0 ? 1 : 0;

const weights = async (agent: Agent) => decode(await agent.save(), "the agent").tensors;

test("learns what actions that it has never seen are worth", async () => {
  const backend = await createWasmBackend({ kernels: "portable" });
  const agent = await createAgent({ ...shape, hidden: [16], floor: 0.02 }, backend);
  let late = 0;
  for (let n = 0; n < 4000; n++) {
    const [context, actions] = [contextOf(n), actionsOf(n)];
    const { id, action } = agent.decide(context, { actions });
    const reward = earns(context, actions[action]);
    agent.reward(id, reward);
    if (n >= 3000) late += reward / 1000;
  }
  // At random it is one in two; the best of two to four is five in six.
  expect(late).toBeGreaterThan(0.65);
  const [good, bad] = [
    [1, 1, 0],
    [-1, -1, 0],
  ];
  expect(agent.best([0.7, 0.7], { actions: [bad, good, bad] })).toBe(1);
  expect(agent.probabilities([0.7, 0.7], { actions: [good] }).probabilities).toEqual([1]);
});

test("kernels agree with the reference, rewards late and decisions of all sizes", async () => {
  for (const options of [{}, { lateRewards: "redone", pull: 0.2 }] as const) {
    const found = await Promise.all(
      [createReferenceBackend(), await createWasmBackend({ kernels: "portable" })].map(async (backend) => {
        const optimizer = sgd({ learningRate: 0.1 });
        const agent = await createAgent({ ...shape, ...options, optimizer }, backend);
        const waiting: { id: string; reward: number }[] = [];
        for (let n = 0; n < 60; n++) {
          const { id, action } = agent.decide(contextOf(n), { actions: actionsOf(n) });
          waiting.push({ id, reward: earns(contextOf(n), actionsOf(n)[action]) });
          if (n % 5 < 4) continue;
          for (const one of waiting.splice(0).reverse()) agent.reward(one.id, one.reward);
        }
        return (await weights(agent))["layers.0.weights"].data as ArrayLike<number>;
      }),
    );
    const gaps = Array.from(found[0], (value, e) => Math.abs(value - found[1][e]));
    expect(Math.max(...gaps)).toBeLessThan(1e-5);
  }
});

const context = [0.4];
const actions = [
  [1, -0.5],
  [-0.3, 0.8],
];
const rewards = [1, -0.4];

/** Parameters of one coin and a score, at random. */
const parameters = (seed: number): LayerValues[] => {
  const all = numbers(seed, 7, -2, 2);
  return [
    { weights: [all.slice(0, 3)], bias: [all[3]] },
    { weights: [[all[4]]], bias: [all[5]] },
  ];
};

const gradientAt = (layers: readonly LayerValues[]) =>
  exactBandit(
    parseBanditSpec({
      units: "plus-minus",
      layers,
      contexts: [context],
      actions: [actions],
      reward: [rewards],
      floor: 0.1,
    }),
  ).flatMap((layer) => [...toBlock(layer)]);

/** The mean step over all that a decision at `then` can be, learned from at `now`. */
function meanStep(then: readonly LayerValues[], now: readonly LayerValues[], options: Partial<AgentOptions>) {
  const backend = createReferenceBackend();
  const { settings } = settingsOf({
    ...{ inputs: 1, actionInputs: 2, hidden: [1], skip: false, floor: 0.1, weightClip: 1e9 },
    ...options,
  });
  const network = createNetwork(backend, specOf(settings));
  const put = (values: readonly LayerValues[]) => {
    values.forEach((layer, l) => {
      backend.write(network.layers[l].block, toBlock(layer));
    });
    return network.layers.flatMap(({ block }) => [...backend.readNow(block)]);
  };
  let given: number[][] = [];
  const draws: SteppedDraws = {
    startStep() {},
    draw({ layer }, law) {
      const uniforms = backend.matrix(law.rows, law.columns);
      backend.write(uniforms, given[layer.index]);
      law.fromUniforms(uniforms);
    },
  };
  const player = new Player(backend, network, settings, 0.3, sgd({ learningRate: 1 }), 2, undefined, draws);
  const on = ([{ weights, bias }]: readonly LayerValues[]) =>
    actions.map((features) => {
      const l = bias[0] + weights[0].reduce((sum, w, i) => sum + w * [...context, ...features][i], 0);
      return 1 / (1 + Math.exp(-l));
    });
  const ends = on(then).map((p, k) => [0, ...[p, on(now)[k]].sort((a, b) => a - b), 1]);
  let mean: number[] = [];
  let total = 0;
  for (let cell = 0; cell < 9; cell++) {
    const place = [cell % 3, Math.floor(cell / 3)];
    const coins = ends.map((cuts, k) => (cuts[place[k]] + cuts[place[k] + 1]) / 2);
    const chance = ends.reduce((product, cuts, k) => product * (cuts[place[k] + 1] - cuts[place[k]]), 1);
    for (const [action, uniform] of [0, 1 - 1e-9].entries()) {
      given = [coins, [uniform]];
      put(then);
      expect(player.play([context], 1, 0.1, undefined, actions)).toEqual([action]);
      const probability = player.probability(action);
      const kept = player.keep();
      const before = put(now);
      const past = { action, probability, floor: 0.1, step: 1, kept, rewarded: false, rows: 2 };
      player.learnLate(past, rewards[action], 1);
      const after = network.layers.flatMap(({ block }) => [...backend.readNow(block)]);
      mean = after.map((w, e) => (mean[e] ?? 0) + chance * probability * (w - before[e]));
      total += chance * probability;
    }
  }
  expect(total).toBeCloseTo(1, 12);
  return mean;
}

test("late rewards, enumerated: the gradient at the parameters of then, or redone of now", () => {
  const [then, now] = [1, 2].map(parameters);
  const gap = (a: readonly number[], b: readonly number[]) =>
    Math.max(...a.map((x, e) => Math.abs(x - b[e])));
  const [atThen, atNow] = [gradientAt(then), gradientAt(now)];
  expect(gap(atThen, atNow)).toBeGreaterThan(0.01);
  expect(gap(meanStep(then, now, {}), atThen)).toBeLessThan(1e-13);
  expect(gap(meanStep(then, now, { lateRewards: "redone" }), atNow)).toBeLessThan(1e-12);
});

test("a saved agent goes on bit for bit, with decisions of any size that wait", async () => {
  for (const baseline of ["running-average", { hidden: [3] }] as const) {
    const options = { ...shape, baseline, lateRewards: "redone", pull: 0.1 } as const;
    const agent = await createAgent(options, createReferenceBackend());
    for (let n = 0; n < 10; n++) agent.decide(contextOf(n), { id: `${n}`, actions: actionsOf(n) });
    for (let n = 0; n < 5; n++) agent.reward(`${n}`, n % 2);
    const copy = await loadAgent(await agent.save(), undefined, createReferenceBackend());
    expect(copy.pending).toBe(5);
    for (const one of [agent, copy]) {
      for (let n = 9; n >= 5; n--) one.reward(`${n}`, n % 2);
      for (let n = 10; n < 15; n++) {
        one.reward(one.decide(contextOf(n), { id: `${n}`, actions: actionsOf(n) }).id, 1);
      }
    }
    expect(await weights(copy)).toEqual(await weights(agent));
  }
});

test("no memory is taken once every size has been there", async () => {
  const backend: ImmediateBackend = await createWasmBackend({ kernels: "portable" });
  const agent = await createAgent(shape, backend);
  const round = () => {
    for (let n = 0; n < 6; n++) {
      const { id } = agent.decide(contextOf(n), { actions: actionsOf(n) });
      agent.reward(id, 1);
      agent.probabilities(contextOf(n), { actions: actionsOf(0), samples: 4 });
    }
    return { ...backend.features.memory!.used };
  };
  round();
  expect(round()).toEqual(round());
});

test("a log of it says what another is worth", async () => {
  const backend = await createWasmBackend({ kernels: "portable" });
  const logging = await createAgent({ ...shape, floor: 1 }, backend);
  const better = await createAgent({ ...shape, hidden: [], seed: 2 }, backend);
  const log: LoggedDecision[] = [];
  for (let n = 0; n < 400; n++) {
    const [context, actions] = [contextOf(n), actionsOf(n)];
    const { action, probability } = logging.decide(context, { actions, passes: 2 });
    const reward = earns(context, actions[action]);
    log.push({ context, actions, action, probability, reward });
    better.learnLogged(log[n]);
  }
  const policy = ({ context, actions }: LoggedDecision) =>
    better.probabilities(context, { actions, samples: 2 }).probabilities;
  const { logged, ips, dr } = evaluatePolicy(log, policy, { bootstrap: 50 });
  let truth = 0;
  for (const one of log) {
    const probabilities = policy(one);
    one.actions!.forEach((features, k) => {
      truth += (probabilities[k] * earns(Array.from(one.context), Array.from(features))) / log.length;
    });
  }
  for (const { value, interval } of [ips, dr]) {
    const width = interval[1] - interval[0];
    expect(Math.abs(value - truth)).toBeLessThan(width);
  }
  expect(logged.value).toBeCloseTo(0.5, 1);
});

test("what cannot be is refused with one sentence", async () => {
  const backend = createReferenceBackend();
  const agent = await createAgent(shape, backend);
  const some = [
    [1, 2, 3],
    [4, 5, 6],
  ];
  const wrong: [() => unknown, string][] = [
    [() => agent.decide([1, 2]), "actions is undefined; expected a list of 3 numbers for each action"],
    [() => agent.decide([1, 2], { actions: [] }), "actions is ; expected a list of 3 numbers"],
    [() => agent.decide([1, 2], { actions: [[1, 2]] }), "action 0 has 2 numbers; expected 3"],
    [() => agent.decide([1, 2], { actions: [...some, [1, 2, Number.NaN]] }), "action 2 has NaN at place 2"],
    [() => agent.decide([1], { actions: some }), "the context has 1 numbers; expected 2"],
    [() => agent.decide([1, 2], { actions: some, allowed: [0] }), "allowed is for actions with numbers"],
    [
      () => agent.act([1, 2]),
      "the actions of the agent have features; expected decide(context, { actions })",
    ],
    [
      () => agent.learnLogged({ context: [1, 2], actions: some, action: 2, probability: 1, reward: 0 }),
      "the logged action is 2; expected 0 to 1",
    ],
  ];
  for (const [call, message] of wrong) expect(call).toThrow(message);
  expect(agent.pending).toBe(0);
  const bytes = await agent.save();
  expect(() => withActions(bytes, [0, "new"])).toThrow("the actions of the agent have features");

  const plain = await createAgent({ inputs: 2, actions: 3 }, backend);
  expect(() => plain.decide([1, 2], { actions: some })).toThrow("the agent has 3 actions without features");
  await expect(createAgent({ ...shape, actions: 3 }, backend)).rejects.toThrow(
    "the agent has actions and actionInputs",
  );
  await expect(createAgent({ inputs: 2 }, backend)).rejects.toThrow("actions of the agent is missing");
  await expect(createAgent({ ...shape, entropyBonus: 1 }, backend)).rejects.toThrow(
    "entropyBonus of the agent",
  );
});

test("the baseline outlives the buffers that had it, whatever else is taken over meanwhile", async () => {
  const [learns, decides] = [await createAgent(shape), await createAgent({ ...shape, seed: 2 })];
  const actions = (count: number) => Array.from({ length: count }, (_, k) => numbers(k, 3));
  const { id } = learns.decide([0, 1], { actions: actions(2) });
  learns.reward(id, 2);
  const { "estimator.baseline.0": before } = await weights(learns);
  expect(before.data[0]).toBeGreaterThan(0);
  // Of more sizes than there are buffers kept for: those of the first are let go, and their memory is used again.
  for (let count = 3; count < 40; count++) {
    const { id } = decides.decide([1, 0], { actions: actions(count) });
    learns.takeOver(decides.handOver(id));
  }
  expect((await weights(learns))["estimator.baseline.0"]).toEqual(before);
});
