// Rewards that come late, enumerated: every way in which the draws of a decision can fall, by the intervals in which the
// uniforms give the same coins at the parameters of then and of now.
import { describe, expect, it, test } from "vitest";
import { createAgent } from "../../src/agent/agent.ts";
import { type Past, Player, type SteppedDraws } from "../../src/agent/player.ts";
import { type AgentOptions, settingsOf } from "../../src/agent/settings.ts";
import { dot, sigmoid, softmax } from "../../src/audit/arithmetic.ts";
import { exactBandit } from "../../src/audit/bandit-exact.ts";
import { parseBanditSpec } from "../../src/audit/bandit-spec.ts";
import { type LayerValues, toBlock } from "../../src/audit/layout.ts";
import { createReferenceBackend } from "../../src/backend/reference.ts";
import { hnca } from "../../src/estimators/hnca.ts";
import { reinforce } from "../../src/estimators/reinforce.ts";
import { decode } from "../../src/formats/safetensors.ts";
import { createNetwork } from "../../src/network/network.ts";
import { sgd } from "../../src/optimizers/sgd.ts";
import { numbers } from "../helpers.ts";

const contexts = [
  [0.3, -1.2],
  [1, 0.7],
];
const rewards = [
  [1, 0, 0.3],
  [-0.5, 0.8, 1],
];
const allowed = [undefined, [0, 2]];
const floor = 0.1;
const H = 3;

/** Parameters, [unit][input], at random. */
const parameters = (seed: number): LayerValues[] => {
  const all = numbers(seed, 100, -2, 2);
  const rows = (count: number, width: number, from: number) =>
    Array.from({ length: count }, (_, r) => all.slice(from + r * width, from + (r + 1) * width));
  return [
    { weights: rows(H, 2, 0), bias: all.slice(6, 9) },
    { weights: rows(3, H, 9), bias: all.slice(18, 21) },
  ];
};
const [then, now, later] = [1, 2, 3].map(parameters);

const gradientAt = (layers: readonly LayerValues[]) =>
  exactBandit(
    parseBanditSpec({
      units: "plus-minus",
      layers,
      contexts,
      reward: rewards,
      floor,
      allowed: allowed.map((list) => list ?? [0, 1, 2]),
    }),
  ).flatMap((layer) => [...toBlock(layer)]);

const onOf = (layers: readonly LayerValues[], x: readonly number[]) =>
  layers[0].weights.map((row, i) => sigmoid(dot(row, x) + layers[0].bias[i]));

/** The law of the actions, given coins. */
function lawOf(
  layers: readonly LayerValues[],
  coins: readonly number[],
  list: readonly number[] | undefined,
) {
  const signs = coins.map((bit) => 2 * bit - 1);
  const logits = layers[1].weights.map((row, k) =>
    list?.includes(k) === false ? -Infinity : dot(row, signs) + layers[1].bias[k],
  );
  const each = floor / (list?.length ?? 3);
  return softmax(logits).map((p, k) => (1 - floor) * p + (list?.includes(k) === false ? 0 : each));
}

/** The mean step of a late learner: decided at `then`, learned from at what `at` says for the reward. */
function meanStep(
  options: Partial<AgentOptions>,
  at: (reward: number) => readonly LayerValues[],
  reward = rewards,
  learn = (player: Player, past: Past, value: number, _context: number) => player.learnLate(past, value, 1),
) {
  const backend = createReferenceBackend();
  const { settings } = settingsOf({ inputs: 2, actions: 3, hidden: [H], floor, ...options });
  const layers = [
    { kind: "bernoulli" as const, units: H },
    { kind: "softmax" as const, units: 1, choices: 3 },
  ];
  const network = createNetwork(backend, { inputs: 2, inputKind: "real", units: "plus-minus", layers });
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
      const uniforms = backend.matrix(1, given[layer.index].length);
      backend.write(uniforms, given[layer.index]);
      law.fromUniforms(uniforms);
    },
  };
  const player = new Player(
    backend,
    network,
    settings,
    settings.baseline as "none",
    sgd({ learningRate: 1 }),
    1,
    undefined,
    draws,
  );
  let mean: number[] = [];
  let total = 0;
  contexts.forEach((x, c) => {
    const cuts = [then, now, later].map((one) => onOf(one, x));
    const stretches = Array.from({ length: H }, (_, i) => [
      0,
      ...cuts.map((on) => on[i]).sort((a, b) => a - b),
      1,
    ]);
    for (let cell = 0; cell < 4 ** H; cell++) {
      let weight = 1 / contexts.length;
      const uniforms = stretches.map((ends, i) => {
        const k = Math.floor(cell / 4 ** i) % 4;
        weight *= ends[k + 1] - ends[k];
        return (ends[k] + ends[k + 1]) / 2;
      });
      const law = lawOf(
        then,
        uniforms.map((u, i) => (u < cuts[0][i] ? 1 : 0)),
        allowed[c],
      );
      let below = 0;
      law.forEach((probability, action) => {
        if (probability === 0) return;
        given = [uniforms, [below + probability / 2]];
        below += probability;
        put(then);
        const [played] = player.play([x], 1, floor, allowed[c]);
        expect([played, player.probability(played)]).toEqual([action, expect.closeTo(probability, 12)]);
        const kept = player.keep();
        const before = put(at(reward[c][action]));
        const past = {
          action,
          probability: player.probability(action),
          floor,
          kept,
          step: 1,
          rewarded: false,
          ...(allowed[c] && { allowed: allowed[c] }),
        };
        learn(player, past, reward[c][action], c);
        const step = network.layers
          .flatMap(({ block }) => [...backend.readNow(block)])
          .map((w, e) => w - before[e]);
        mean = step.map((value, e) => (mean[e] ?? 0) + weight * probability * value);
        total += weight * probability;
      });
    }
  });
  expect(total).toBeCloseTo(1, 12);
  return mean;
}

const distance = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((x, e) => Math.abs(x - b[e])));

describe.each([
  ["hnca", hnca],
  ["reinforce", reinforce],
])("%s", (_, estimator) => {
  it("stored: is the gradient at the parameters of then, whatever they are now and whatever the delay depends on", () => {
    for (const baseline of ["none", 0.4] as const) {
      const exact = gradientAt(then);
      expect(
        distance(
          meanStep({ estimator, baseline }, () => now),
          exact,
        ),
      ).toBeLessThan(1e-13);
      const delayed = meanStep({ estimator, baseline }, (reward) => (reward > 0.5 ? now : later));
      expect(distance(delayed, exact)).toBeLessThan(1e-13);
    }
  });

  it("redone: is the gradient at the parameters of now", () => {
    for (const baseline of ["none", 0.4] as const) {
      const options = { estimator, baseline, lateRewards: "redone", weightClip: 1e9 } as const;
      const found = meanStep(options, () => now);
      expect(distance(found, gradientAt(now))).toBeLessThan(1e-12);
      expect(distance(found, gradientAt(then))).toBeGreaterThan(0.01);
    }
  });

  it("redone with a clip of 1 is not: a bound has a price", () => {
    const options = { estimator, baseline: "none", lateRewards: "redone", weightClip: 1 } as const;
    expect(
      distance(
        meanStep(options, () => now),
        gradientAt(now),
      ),
    ).toBeGreaterThan(1e-3);
  });
});

describe.each([
  ["hnca", hnca],
  ["reinforce", reinforce],
])("%s learns from what somebody else decided", (_, estimator) => {
  it("with what it earned: the gradient at its own parameters", () => {
    for (const baseline of ["none", 0.4] as const) {
      const found = meanStep(
        { estimator, baseline },
        () => now,
        rewards,
        (player, { probability, ...past }, reward, c) =>
          player.learnOther(contexts[c], past, reward, (own) => own / probability, 1),
      );
      expect(distance(found, gradientAt(now))).toBeLessThan(1e-12);
    }
  });

  it("imitating, with the exact probability: the gradient of its logarithm", () => {
    const fit = (layers: readonly LayerValues[]) =>
      contexts.reduce((sum, _, c) => {
        const [old, fresh] = [marginal(then, c), marginal(layers, c)];
        return old.reduce(
          (all, p, k) => (p > 0 ? all + (p * Math.log(fresh[k])) / contexts.length : all),
          sum,
        );
      }, 0);
    const found = meanStep(
      { estimator, baseline: 0.4 },
      () => now,
      rewards,
      (player, { probability, ...past }, _reward, c) => {
        // Here the coins are those that the action came from; weighed like this it could have come from any.
        const anyway = marginal(then, c)[past.action] / probability;
        const weigh = (own: number) => (anyway * own) / marginal(now, c)[past.action];
        player.learnOther(contexts[c], past, undefined, weigh, 1);
      },
    );
    expect(distance(found, slopeOf(fit, now))).toBeLessThan(1e-8);
  });
});

/** The law of the actions in a context, whatever the coins. */
function marginal(layers: readonly LayerValues[], c: number): number[] {
  const on = onOf(layers, contexts[c]);
  const law = [0, 0, 0];
  for (let state = 0; state < 2 ** H; state++) {
    const coins = on.map((_, i) => (state >> i) & 1);
    const chance = coins.reduce((p, bit, i) => p * (bit ? on[i] : 1 - on[i]), 1);
    lawOf(layers, coins, allowed[c]).forEach((p, k) => {
      law[k] += chance * p;
    });
  }
  return law;
}

const moved = (from: readonly LayerValues[], layer: number, place: number, by: number) =>
  from.map((values, l) => {
    if (l !== layer) return values;
    const copy = { weights: values.weights.map((row) => [...row]), bias: [...values.bias] };
    const width = copy.weights[0].length;
    if (place < width * copy.weights.length)
      copy.weights[place % copy.weights.length][Math.floor(place / copy.weights.length)] += by;
    else copy.bias[place - width * copy.weights.length] += by;
    return copy;
  });
/** The slope of a function of the parameters, by differences. */
function slopeOf(value: (layers: readonly LayerValues[]) => number, at: readonly LayerValues[]): number[] {
  const h = 1e-5;
  return at.flatMap((values, l) =>
    Array.from(
      { length: toBlock(values).length },
      (_, place) => (value(moved(at, l, place, h)) - value(moved(at, l, place, -h))) / (2 * h),
    ),
  );
}

const nothing = rewards.map((row) => row.map(() => 0));

test("the pull is minus the gradient of KL(then || now), whatever the rewards' zero", () => {
  /** E over what is played at `then` of the log-probability at `layers`. */
  const fit = (layers: readonly LayerValues[]) => {
    let sum = 0;
    contexts.forEach((x, c) => {
      const [was, is] = [onOf(then, x), onOf(layers, x)];
      for (let state = 0; state < 2 ** H; state++) {
        const coins = Array.from({ length: H }, (_, i) => (state >> i) & 1);
        const chance = (on: number[]) => coins.reduce((p, bit, i) => p * (bit ? on[i] : 1 - on[i]), 1);
        const [old, fresh] = [lawOf(then, coins, allowed[c]), lawOf(layers, coins, allowed[c])];
        old.forEach((p, k) => {
          if (p > 0) sum += (chance(was) * p * (Math.log(chance(is)) + Math.log(fresh[k]))) / contexts.length;
        });
      }
    });
    return sum;
  };
  const slope = slopeOf(fit, now);
  for (const lateRewards of ["stored", "redone"] as const) {
    const found = meanStep({ baseline: "none", pull: 0.3, lateRewards }, () => now, nothing);
    expect(
      distance(
        found,
        slope.map((x) => 0.3 * x),
      ),
    ).toBeLessThan(1e-8);
  }
});

test("the entropy bonus is the gradient of the expected entropy, at the parameters of the coins", () => {
  const entropy = (layers: readonly LayerValues[]) => {
    let sum = 0;
    contexts.forEach((x, c) => {
      const on = onOf(layers, x);
      for (let state = 0; state < 2 ** H; state++) {
        const coins = Array.from({ length: H }, (_, i) => (state >> i) & 1);
        const chance = coins.reduce((p, bit, i) => p * (bit ? on[i] : 1 - on[i]), 1);
        const each = floor / (allowed[c]?.length ?? 3);
        const law = lawOf(layers, coins, allowed[c]).map((p, k) =>
          allowed[c]?.includes(k) === false ? 0 : (p - each) / (1 - floor),
        );
        for (const p of law) if (p > 0) sum -= (chance * p * Math.log(p)) / contexts.length;
      }
    });
    return sum;
  };
  for (const [lateRewards, at] of [
    ["stored", then],
    ["redone", now],
  ] as const) {
    const found = meanStep({ baseline: "none", entropyBonus: 0.7, lateRewards }, () => now, nothing);
    const expected = slopeOf(entropy, at).map((x) => 0.7 * x);
    expect(distance(found, expected)).toBeLessThan(1e-8);
  }
});

test("a reward that comes at once is learned from alike, stored or redone", async () => {
  const weights = await Promise.all(
    (["stored", "redone"] as const).map(async (lateRewards) => {
      const agent = await createAgent({
        inputs: 2,
        actions: 3,
        hidden: [5, 4],
        floor: 0.1,
        entropyBonus: 0.2,
        lateRewards,
      });
      for (let n = 0; n < 100; n++) {
        const { id, action } = agent.decide(numbers(n, 2), { allowed: n % 2 ? [0, 1, 2] : [0, 2] });
        agent.reward(id, action === n % 3 ? 1 : 0);
      }
      const { tensors } = decode(await agent.save(), "the agent");
      return tensors["layers.0.weights"].data;
    }),
  );
  expect(weights[0]).toEqual(weights[1]);
});
