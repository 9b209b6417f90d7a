// Decisions with ids, and rewards that come whenever.
import { describe, expect, it, test } from "vitest";
import { type Agent, createAgent } from "../../src/agent/agent.ts";
import { DecisionError, Decisions } from "../../src/agent/decisions.ts";
import { loadAgent } from "../../src/agent/load.ts";
import type { AgentOptions } from "../../src/agent/settings.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { weightMax } from "../../src/estimators/weight-max.ts";
import { decode } from "../../src/formats/safetensors.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { numbers } from "../helpers.ts";

const contexts = Array.from({ length: 300 }, (_, i) => numbers(i, 3));
const shape = { inputs: 3, actions: 4, seed: 5, hidden: [6, 5] };
const create = (options: Partial<AgentOptions> = {}) =>
  createAgent({ ...shape, ...options }, createReferenceBackend());
const weightsOf = async (agent: Agent) => {
  const { tensors } = decode(await agent.save(), "the agent");
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => /^(layers|estimator)/.test(name)));
};
const statusOf = (work: () => void) => {
  try {
    work();
  } catch (error) {
    if (error instanceof DecisionError) return error.status;
    throw error;
  }
  return "nothing";
};
const earned = (action: number, n: number) => (action === n % 4 ? 1 : -0.25);

test("the oldest decision is that which has waited longest, whatever became of others", () => {
  const decisions = new Decisions<{ id: string }>(1000);
  const waiting: { id: string }[] = [];
  // One of every hundred waits long; others are closed at once, soon, or handed over and back.
  for (let n = 0; n < 2000; n++) {
    const one = { id: `${n}` };
    decisions.add(one);
    waiting.push(one);
    if (n % 7 === 3) {
      waiting.splice(waiting.indexOf(one), 1);
      decisions.add(decisions.take(one.id));
      waiting.push(one);
    }
    if (n % 100 !== 0) {
      const [closed] = waiting.splice(n % 3 === 0 ? waiting.length - 1 : waiting.length >> 1, 1);
      decisions.close(closed, "rewarded");
    }
    if (n % 500 === 499) decisions.close(waiting.shift()!, "expired");
    expect(decisions.oldest).toBe(waiting[0]);
    expect(decisions.size).toBe(waiting.length);
  }
  expect([...decisions.pending]).toEqual(waiting);
  for (const one of waiting.splice(0)) decisions.close(one, "cancelled");
  expect(decisions.oldest).toBeUndefined();
});

test("a time that is no number is refused, and ends nothing", async () => {
  const agent = await create({ expireAfter: 10 });
  const { id } = agent.decide(contexts[0], { now: 0 });
  for (const now of [Number.NaN, "yesterday", new Date(0)] as number[]) {
    const refused = `now is ${typeof now === "string" ? '"yesterday"' : now}; expected milliseconds`;
    expect(() => agent.decide(contexts[0], { now })).toThrow(refused);
    expect(() => agent.reward(id, 1, { now })).toThrow(refused);
    expect(() => agent.expire(now)).toThrow(refused);
  }
  expect(agent).toMatchObject({ pending: 1, steps: 1, version: 0 });
});

describe("a decision", () => {
  it.each([
    ["hnca, running average", {}],
    ["reinforce, a constant", { estimator: reinforce, baseline: 0.3 }],
    ["hnca, an entropy bonus", { entropyBonus: 0.1, floor: 0.1 }],
    ["hnca, a network", { baseline: { hidden: [4] } }],
    ["hnca, bits, {0, 1}", { units: "zero-one" as const }],
  ])("that is rewarded at once is what act and learn do, bit for bit: %s", async (_, options) => {
    const [one, other] = [await create(options), await create(options)];
    contexts.forEach((context, n) => {
      const { id, action } = one.decide(context);
      one.reward(id, earned(action, n));
      const same = other.act(context);
      other.learn(earned(same, n));
      expect(action).toBe(same);
    });
    expect(await weightsOf(one)).toEqual(await weightsOf(other));
  });

  it("has the probability of its action given the coins: its mean is the action's own", async () => {
    const agent = await create();
    const { probabilities, standardErrors } = agent.probabilities(contexts[0], { samples: 20_000 });
    const times = 20_000;
    const inverse = new Float64Array(4);
    for (let n = 0; n < times; n++) {
      const { id, action, probability } = agent.decide(contexts[0]);
      inverse[action] += 1 / probability / times;
      agent.cancel(id);
    }
    // E[1[a] / P(a | coins)] = 1, whatever the action.
    for (const mean of inverse) expect(Math.abs(mean - 1)).toBeLessThan(0.06);
    expect(Math.max(...standardErrors)).toBeLessThan(0.005);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 10);
  });

  it("learns from its own reward, whoever came between", async () => {
    // Stochastic gradient ascent without a baseline: then steps add up, and only what each is computed from counts.
    const options = { optimizer: sgd({ learningRate: 1e-3 }), baseline: "none" } as const;
    const [late, swapped] = [await create(options), await create(options)];
    const play = (agent: Agent, order: (ids: string[]) => number[]) => {
      const made = contexts.slice(0, 5).map((context) => agent.decide(context));
      for (const n of order(made.map(({ id }) => id))) agent.reward(made[n].id, earned(made[n].action, n));
    };
    play(late, (ids) => [...ids.keys()]);
    play(swapped, (ids) => [...ids.keys()].reverse());
    const [a, b] = [await weightsOf(late), await weightsOf(swapped)];
    for (const name of Object.keys(a)) {
      a[name].data.forEach((value, e) => {
        expect(b[name].data[e]).toBeCloseTo(value as number, 14);
      });
    }
  });

  it("keeps its baseline: what others earned since is not subtracted", async () => {
    const options = { optimizer: sgd({ learningRate: 1e-3 }) };
    const [plain, busy] = [await create(options), await create(options)];
    const [first, second] = contexts;
    const step = async (agent: Agent, others: number) => {
      const { id } = agent.decide(first, { id: "late" });
      const between = agent.decide(second, { id: "between" });
      for (let n = 0; n < others; n++) agent.reward(between.id, 7);
      const before = await weightsOf(agent);
      agent.reward(id, 1);
      const after = await weightsOf(agent);
      return Array.from(
        after["layers.2.bias"].data as Float64Array,
        (x, e) => x - Number(before["layers.2.bias"].data[e]),
      );
    };
    const [quiet, loud] = [await step(plain, 0), await step(busy, 1)];
    quiet.forEach((x, e) => {
      expect(loud[e]).toBeCloseTo(x, 14);
    });
  });

  it("adds its rewards up, against one baseline", async () => {
    const options = { optimizer: sgd({ learningRate: 1e-3 }), rewards: "sum" } as const;
    const [parts, whole] = [await create(options), await create(options)];
    for (const agent of [parts, whole]) {
      const warm = agent.decide(contexts[1]);
      agent.reward(warm.id, 3);
      const { id } = agent.decide(contexts[0]);
      for (const value of agent === parts ? [1, 0.5, -0.25] : [1.25]) agent.reward(id, value);
    }
    const [a, b] = [await weightsOf(parts), await weightsOf(whole)];
    for (const name of Object.keys(a)) {
      a[name].data.forEach((value, e) => {
        expect(b[name].data[e]).toBeCloseTo(value as number, 12);
      });
    }
  });
});

test("ids: what is unknown, expired, rewarded or cancelled is told apart", async () => {
  const agent = await create({ expireAfter: 1000 });
  const [a, b, c] = ["a", "b", "c"].map((id) => agent.decide(contexts[0], { id, now: 0 }).id);
  agent.reward(a, 1, { now: 10 });
  agent.cancel(b);
  expect(statusOf(() => agent.reward(a, 1, { now: 20 }))).toBe("rewarded");
  expect(statusOf(() => agent.reward(b, 1, { now: 20 }))).toBe("cancelled");
  expect(statusOf(() => agent.reward(c, 1, { now: 1000 }))).toBe("expired");
  expect(statusOf(() => agent.reward("d", 1, { now: 1000 }))).toBe("unknown");
  expect(() => agent.reward("a", 1, { now: 20 })).toThrow(
    'the decision "a" was rewarded already; expected one that waits',
  );
  expect(() => agent.decide(contexts[0], { id: "a" })).toThrow('there was a decision "a" already');
  expect(() => agent.decide(contexts[0], { id: "" })).toThrow('the id of a decision is ""');
  expect(agent.version).toBe(2);
  const ids = Array.from({ length: 50 }, () => agent.decide(contexts[0]).id);
  expect(new Set(ids).size).toBe(50);
});

test("an expiry is the default reward, a cancellation is none", async () => {
  const options = { expireAfter: 100, defaultReward: -1 };
  const [expires, told, cancels] = [await create(options), await create(options), await create(options)];
  for (const agent of [expires, told, cancels]) agent.decide(contexts[0], { id: "x", now: 0 });
  expect(expires.expire(99)).toEqual([]);
  expect(expires.expire(100)).toEqual(["x"]);
  told.reward("x", -1, { now: 50 });
  const before = await weightsOf(await create(options));
  cancels.cancel("x");
  expect(await weightsOf(expires)).toEqual(await weightsOf(told));
  expect(await weightsOf(cancels)).toEqual(before);
});

test("decisions that wait are bounded: the oldest expires", async () => {
  const agent = await create({ maxPending: 3 });
  for (let n = 0; n < 5; n++) agent.decide(contexts[n], { id: `${n}` });
  expect(agent.pending).toBe(3);
  expect(statusOf(() => agent.reward("0", 1))).toBe("expired");
  expect(agent.version).toBe(0); // no silence that would mean anything
  agent.reward("4", 1);
  expect(agent.version).toBe(1);
});

test("act and learn refuse what would be mixed up", async () => {
  const agent = await create();
  agent.act(contexts[0]);
  agent.act(contexts[1]);
  expect(() => agent.learn(1)).toThrow("act was called 2 times, and the reward could be any call's");
  agent.cancel();
  agent.act(contexts[0]);
  const { id } = agent.decide(contexts[1]);
  expect(() => agent.learn(1)).toThrow("decide or reward came between act and learn");
  agent.reward(id, 1);
  agent.cancel();
  agent.act(contexts[0]);
  agent.learn(1);
  expect(agent.version).toBe(2);
});

test("probabilities and the best action take nothing from the stream of decisions", async () => {
  const [asked, silent] = [await create(), await create()];
  contexts.forEach((context, n) => {
    const before = asked.probabilities(context);
    expect(asked.probabilities(context)).toEqual(before);
    expect(before.samples).toBe(100);
    expect(asked.best(context)).toBe(before.probabilities.indexOf(Math.max(...before.probabilities)));
    for (const agent of [asked, silent]) agent.learn(earned(agent.act(context), n));
  });
  expect(await weightsOf(asked)).toEqual(await weightsOf(silent));
  const plain = await create({ hidden: [] });
  const { probabilities, standardErrors, samples } = plain.probabilities(contexts[0]);
  expect([samples, ...standardErrors]).toEqual([1, 0, 0, 0, 0]);
  const { action, probability } = plain.decide(contexts[0]);
  expect(probability).toBe(probabilities[action]);
  expect(() => plain.probabilities(contexts[0], { samples: 1 })).toThrow(
    "there are 1 samples; expected a whole number",
  );
});

test("what waits is saved: rewards go on after a restart, bit for bit", async () => {
  for (const backend of [createReferenceBackend(), undefined]) {
    const agent = await createAgent({ ...shape, expireAfter: 1e6 }, backend);
    const made = contexts.slice(0, 20).map((context, n) => agent.decide(context, { id: `${n}`, now: n }));
    for (const n of [3, 1]) agent.reward(`${n}`, 1, { now: 30 });
    agent.cancel("2");
    const copy = await loadAgent(await agent.save(), undefined, backend);
    expect(copy.pending).toBe(17);
    for (const one of [agent, copy]) {
      for (const n of [7, 0, 19]) one.reward(`${n}`, earned(made[n].action, n), { now: 40 });
      expect(statusOf(() => one.reward("1", 1, { now: 40 }))).toBe("rewarded");
      expect(statusOf(() => one.reward("2", 1, { now: 40 }))).toBe("cancelled");
      expect(one.expire(1e6 + 6)).toEqual(["4", "5", "6"]);
    }
    expect(await copy.save()).toEqual(await agent.save());
    expect(copy.act(contexts[9])).toBe(agent.act(contexts[9]));
  }
});

test("what is saved is of one moment, whoever learns meanwhile", async () => {
  const agent = await create();
  const saving = agent.save();
  let learning = true;
  const busy = (async () => {
    for (let n = 0; n < 20 && learning; n++) {
      const { id } = agent.decide(contexts[n]);
      agent.reward(id, 1);
      await Promise.resolve();
    }
  })();
  const bytes = await saving;
  learning = false;
  await busy;
  const { metadata } = decode(bytes, "the agent");
  const twin = await create();
  for (let n = 0; n < Number(metadata.learned); n++) twin.reward(twin.decide(contexts[n]).id, 1);
  expect(decode(bytes, "the agent").tensors).toEqual(decode(await twin.save(), "the agent").tensors);
});

test("a rule that is not linear in the reward learns by act and learn alone", async () => {
  const agent = await create({ estimator: weightMax({ hiddenRule: "classification" }) });
  expect(() => agent.decide(contexts[0])).toThrow("weight-max cannot learn from late rewards");
  agent.act(contexts[0]);
  agent.learn(1);
});
