// Agents and logs: probabilities that are means over passes, warm starts, and challengers in the shadow.
import { expect, test } from "vitest";
import { createAgent } from "../../src/agent/agent.ts";
import { Challenger } from "../../src/agent/challenger.ts";
import { learnFromLog } from "../../src/agent/learn-from-log.ts";
import { loadAgent } from "../../src/agent/load.ts";
import type { LoggedDecision } from "../../src/agent/off-policy.ts";
import { createWasmBackend } from "../../src/backend/wasm.ts";
import { decode, encode } from "../../src/formats/safetensors.ts";
import { numbers } from "../helpers.ts";

const backend = await createWasmBackend({ kernels: "portable" });

/** Coins are fair, and what they do decides the action. */
async function undecided() {
  const fresh = await createAgent({ inputs: 2, actions: 3, hidden: [12], skip: false, seed: 4 }, backend);
  const { tensors, metadata } = decode(await fresh.save(), "the agent");
  for (const name of ["layers.0.weights", "layers.0.bias"]) tensors[name].data.fill(0 as never);
  tensors["layers.1.weights"].data.set(numbers(4, 36, -1, 1) as never);
  return loadAgent(encode(tensors, metadata), undefined, backend);
}

test("the mean of K passes' probabilities takes nothing from the stream, is unbiased, and varies less", async () => {
  const [plain, mean] = [await undecided(), await undecided()];
  const context = [0.4, -0.5];
  const sums = { plain: [0, 0, 0], mean: [0, 0, 0] };
  const squares = { plain: [0, 0, 0], mean: [0, 0, 0] };
  const n = 1500;
  for (let i = 0; i < n; i++) {
    const one = plain.decide(context);
    const many = mean.decide(context, { passes: 8 });
    expect(many).toMatchObject({ action: one.action, step: one.step });
    for (const [name, { action, probability }] of Object.entries({ plain: one, mean: many })) {
      sums[name as "plain"][action] += 1 / probability;
      squares[name as "plain"][action] += 1 / probability ** 2;
    }
  }
  for (let k = 0; k < 3; k++) {
    const value = sums.mean[k] / n;
    const error = Math.sqrt((squares.mean[k] / n - value ** 2) / n);
    // Each action's weights have the mean 1, within four standard errors.
    expect(Math.abs(value - 1)).toBeLessThan(4 * error);
    expect(squares.mean[k]).toBeLessThan(squares.plain[k]);
  }
  const [a, b] = [decode(await plain.save(), ""), decode(await mean.save(), "")];
  expect(b.tensors["layers.0.weights"]).toEqual(a.tensors["layers.0.weights"]);
  expect(b.tensors.pending).toEqual(a.tensors.pending);
  const typo: object = { alowed: [0] };
  expect(() => plain.decide(context, typo)).toThrow('alowed is no option of decide; did you mean "allowed"?');
  expect(() => plain.probabilities(context, typo)).toThrow("alowed is no option of probabilities");
  expect(() => plain.decide(context, { passes: 0 })).toThrow("there are 0 passes; expected a whole number");
  const flat = await createAgent({ inputs: 2, actions: 3, hidden: [] }, backend);
  const { action, probability } = flat.decide(context, { passes: 9 });
  expect(probability).toBe(flat.probabilities(context).probabilities[action]);
});

/** Three actions, of which the sign of the context's first number says the best. */
function logOf(count: number, seed: number): LoggedDecision[] {
  const random = numbers(seed, 3 * count, 0, 1);
  const law = [0.6, 0.2, 0.2];
  return Array.from({ length: count }, (_, i) => {
    const context = [2 * random[3 * i] - 1, 1];
    const u = random[3 * i + 1];
    const action = u < 0.6 ? 0 : u < 0.8 ? 1 : 2;
    return { id: `${seed}-${i}`, context, action, probability: law[action], reward: earned(context, action) };
  });
}
const earned = (context: ArrayLike<number>, action: number) => (action === (context[0] > 0 ? 1 : 2) ? 1 : 0);

test.each([[[]], [[4]]])("a warm start imitates the log and then does better, hidden: %j", async (hidden) => {
  const log = logOf(4000, 1);
  const value = (agent: Awaited<ReturnType<typeof createAgent>>) =>
    [-0.8, -0.4, 0.4, 0.8].reduce((sum, x) => {
      const { probabilities } = agent.probabilities([x, 1], { samples: 200 });
      return sum + probabilities.reduce((all, p, k) => all + p * earned([x], k), 0) / 4;
    }, 0);
  const copy = await createAgent({ inputs: 2, actions: 3, hidden, seed: 1 }, backend);
  learnFromLog(copy, log, { epochs: 0 });
  const law = copy.probabilities([0.5, 1], { samples: 400 }).probabilities;
  for (const [k, p] of [0.6, 0.2, 0.2].entries()) expect(Math.abs(law[k] - p)).toBeLessThan(0.15);
  expect(value(copy)).toBeLessThan(0.35);
  learnFromLog(copy, log, { imitation: 0, epochs: 2 });
  expect(value(copy)).toBeGreaterThan(0.8);
  expect(copy.version).toBe(12_000);
  expect([copy.knows("1-3999"), copy.knows("2-0"), copy.pending]).toEqual([true, false, 0]);
});

test("a challenger is judged before it learns, and what it gains is in its interval", async () => {
  const agent = await createAgent({ inputs: 2, actions: 3, hidden: [], seed: 1 }, backend);
  const shadow = new Challenger(agent);
  expect(() => shadow.report()).toThrow("the challenger has seen 0 decisions; expected at least 2");
  let truth = 0;
  const log = logOf(3000, 2);
  for (const decision of log) {
    const { probabilities } = agent.probabilities(decision.context);
    truth += probabilities.reduce((sum, p, k) => sum + p * earned(decision.context, k), 0) / log.length;
    shadow.observe(decision);
  }
  const { decisions, earned: had, challenger, gain } = shadow.report();
  expect(decisions).toBe(3000);
  expect(had.value).toBeCloseTo(log.reduce((sum, { reward }) => sum + reward, 0) / 3000, 12);
  expect(gain.value).toBeCloseTo(challenger.value - had.value, 12);
  expect(challenger.interval[0]).toBeLessThan(truth);
  expect(challenger.interval[1]).toBeGreaterThan(truth);
  expect(gain.interval[0]).toBeGreaterThan(0.3);
  expect(() => shadow.observe({ ...log[0], probability: 0 })).toThrow(
    "the logged decision has the probability 0",
  );
  expect(() => shadow.observe({ ...log[0], action: 3 })).toThrow("the logged action is 3; expected 0 to 2");
  expect(() => shadow.observe({ ...log[0], allowed: [1, 2], action: 0 })).toThrow("expected one of [1,2]");
  expect(() => shadow.observe({ ...log[0], reward: 1e10 })).toThrow("the logged reward is 10000000000");
  expect(shadow.report().decisions).toBe(3000);
  // One that does not learn is what it was.
  const still = new Challenger(agent, { learns: false });
  const before = agent.version;
  for (const decision of log.slice(0, 50)) still.observe(decision);
  expect(agent.version).toBe(before);
});
