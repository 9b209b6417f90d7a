import { expect, test } from "vitest";
import { evaluatePolicy, type LoggedDecision, type Policy } from "../../src/agent/off-policy.ts";
import { deriveKey, newKey, uniformAt } from "../../src/random/threefry.ts";

/** What the actions earn in a context, in the mean. */
const means = ({ 0: x }: ArrayLike<number>) => [0.5 + 0.3 * x, 0.4, 0.6 - 0.3 * x];
const logging = ({ 0: x }: ArrayLike<number>) => (x > 0 ? [0.2, 0.3, 0.5] : [0.5, 0.3, 0.2]);
const target: Policy = ({ context }) => (context[0] > 0 ? [0.8, 0.1, 0.1] : [0.1, 0.1, 0.8]);
/** Contexts are -0.9, -0.8 ... 0.9, in turn, without 0. */
const contexts = Array.from({ length: 19 }, (_, i) => [(i - 9) / 10]).filter(([x]) => x !== 0);
const truth =
  contexts.reduce((sum, context) => {
    const law = target({ context, action: 0, probability: 1, reward: 0 });
    return sum + means(context).reduce((value, mean, k) => value + law[k] * mean, 0);
  }, 0) / contexts.length;

function logOf(seed: number, n: number): LoggedDecision[] {
  const key = deriveKey(seed, "task", 0, newKey());
  return Array.from({ length: n }, (_, i) => {
    const context = contexts[Math.floor(uniformAt(key, 3 * i) * contexts.length)];
    const law = logging(context);
    let [action, left] = [0, uniformAt(key, 3 * i + 1)];
    while (left >= law[action] && action < 2) left -= law[action++];
    const reward = uniformAt(key, 3 * i + 2) < means(context)[action] ? 1 : 0;
    return { context, action, probability: law[action], reward };
  });
}

test("of 200 logs 92 to 98 in a hundred have the true value in their intervals", () => {
  const covered = { ips: 0, snips: 0, dr: 0 };
  const width = { ips: 0, snips: 0, dr: 0 };
  for (let seed = 0; seed < 200; seed++) {
    const found = evaluatePolicy(logOf(seed, 400), target, { bootstrap: 400, seed });
    for (const name of ["ips", "snips", "dr"] as const) {
      const [low, high] = found[name].interval;
      if (low <= truth && truth <= high) covered[name]++;
      width[name] += (high - low) / 200;
    }
  }
  for (const count of Object.values(covered)) {
    expect(count / 200).toBeGreaterThanOrEqual(0.92);
    expect(count / 200).toBeLessThanOrEqual(0.98);
  }
  expect(width.dr).toBeLessThan(width.ips);
  expect(width.snips).toBeLessThan(width.ips);
});

test("the policy that wrote the log earns what was earned", () => {
  const log = logOf(1, 300);
  const same = evaluatePolicy(log, ({ context }) => logging(context), { bootstrap: 10 });
  expect(same.ips.value).toBeCloseTo(same.logged.value, 12);
  expect(same.effectiveSampleSize).toBeCloseTo(300, 9);
  expect(same.largestWeight).toBe(1);
});

test("logs that cannot be are refused", () => {
  const [first] = logOf(1, 1);
  const wrong: [LoggedDecision[], string][] = [
    [[first], "the log has 1 decisions with rewards; expected at least 2"],
    [[first, { ...first, probability: 0 }], "decision 1 has the probability 0; expected a number above 0"],
    [[first, { ...first, action: 3 }], "decision 1 has the action 3; the policy knows 3"],
    [[first, { ...first, reward: Number.NaN }], "decision 1 has the reward NaN"],
    [[first, { ...first, context: undefined as never }], "decision 1 has no context"],
  ];
  for (const [log, message] of wrong) expect(() => evaluatePolicy(log, target)).toThrow(message);
  expect(() => evaluatePolicy(logOf(1, 3), {} as never)).toThrow("the policy is object; expected a function");
});
