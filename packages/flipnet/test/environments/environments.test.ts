import { describe, expect, it } from "vitest";
import { cartPole } from "../../src/environments/cart-pole.ts";
import type { Environment } from "../../src/environments/environment.ts";
import { Episodes } from "../../src/environments/episodes.ts";
import { gridWorld } from "../../src/environments/grid-world.ts";
import { multiplexer } from "../../src/environments/multiplexer.ts";
import { environments, findEnvironment } from "../../src/environments/registry.ts";
import { type Steppable, steppable } from "../../src/environments/steppable.ts";
// Written by test/interop/environments.py.
import recorded from "./gymnasium.json" with { type: "json" };

const never = () => {
  throw new Error("nothing here is left to chance");
};

function raise(what: unknown): never {
  throw typeof what === "string" ? new Error(what) : what;
}

const stateful = (state: readonly number[]) => Float64Array.from(state);

describe.each(["cart-pole", "acrobot", "mountain-car"] as const)("%s, beside Gymnasium", (name) => {
  const environment = findEnvironment(name);
  const { steps, begin, walk } = recorded[name];

  it("takes the same single steps from any state", () => {
    for (const { from, action, state, reward, ended } of steps) {
      const ours = stateful(from);
      expect(environment.step(ours, action, never)).toBe(reward);
      ours.forEach((x, i) => {
        expect(Math.abs(x - state[i])).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(state[i])));
      });
      expect(environment.ended(ours)).toBe(ended);
    }
    // Some of these end and some do not.
    if (name !== "acrobot") expect(new Set(steps.map(({ ended }) => ended)).size).toBe(2);
  });

  it("walks the same way, to its end or for 50 steps", () => {
    const ours = stateful(begin);
    for (const { action, state, reward } of walk) {
      expect(environment.step(ours, action, never)).toBe(reward);
      ours.forEach((x, i) => {
        expect(x).toBeCloseTo(state[i], 8);
      });
    }
  });
});

describe("every environment", () => {
  it.each(environments)("$name shows finite numbers, and ends or is cut", (environment) => {
    const episodes = new Episodes(environment, 2, 7);
    const seen = new Float64Array(2 * environment.inputs);
    episodes.begin(0);
    episodes.begin(1);
    for (let t = 0; t < environment.limit; t++) {
      episodes.observe(seen);
      if (environment.inputKind === "bits") expect(seen.every((x) => x === 0 || x === 1)).toBe(true);
      episodes.step(0, t % environment.actions);
      if (episodes.ended[0] || episodes.cut[0]) break;
    }
    expect(episodes.ended[0] || episodes.cut[0]).toBe(true);
    expect(episodes.ended[0] && episodes.cut[0]).toBe(false);
  });

  it.each(environments)("$name begins anew, elsewhere, and the same again", (environment) => {
    const begun = (place: number, times: number) => {
      const episodes = new Episodes(environment, 2, 7);
      for (let n = 0; n < times; n++) episodes.begin(place);
      const seen = new Float64Array(2 * environment.inputs);
      episodes.observe(seen);
      return [...seen.subarray(place * environment.inputs, (place + 1) * environment.inputs)];
    };
    expect(begun(0, 1)).toEqual(begun(0, 1));
    const several = new Set([1, 2, 3, 4].flatMap((n) => [begun(0, n).join(), begun(1, n).join()]));
    expect(several.size).toBeGreaterThan(4);
  });

  it("goes on to the same bits from numbers that were saved", () => {
    const one = new Episodes(findEnvironment("cart-pole"), 1, 3);
    one.begin(0);
    one.step(0, 1);
    const other = new Episodes(findEnvironment("cart-pole"), 1, 3);
    other.numbers.set(one.numbers);
    for (const episodes of [one, other]) episodes.step(0, 0);
    expect([...other.numbers]).toEqual([...one.numbers]);
    expect(one.steps(0)).toBe(2);
    expect(one.earned(0)).toBe(2);
  });
});

describe("small worlds", () => {
  it("acrobot shows its angles as points of the circle, and its speeds", () => {
    const seen = new Float64Array(7);
    findEnvironment("acrobot").observe(Float64Array.of(0.3, -2, 5, -7), seen, 1);
    expect([...seen]).toEqual([0, Math.cos(0.3), Math.sin(0.3), Math.cos(-2), Math.sin(-2), 5, -7]);
  });

  it("a grid world keeps to its board, costs 0.05 a step and pays 1 in the far corner", () => {
    const world = gridWorld(3, 9);
    const state = Float64Array.of(0);
    expect(world.step(state, 0, never)).toBe(-0.05);
    expect(world.step(state, 2, never)).toBe(-0.05);
    expect(state[0]).toBe(0);
    for (const action of [1, 1, 3]) world.step(state, action, never);
    expect(state[0]).toBe(7);
    expect(world.ended(state)).toBe(false);
    expect(world.step(state, 3, never)).toBeCloseTo(0.95, 15);
    expect(world.ended(state)).toBe(true);
  });

  it("the bandit pays nine times in ten for the action of its context, and once in ten for others", () => {
    const environment = findEnvironment("bandit");
    const paid = (action: number, uniform: number) =>
      environment.step(Float64Array.of(6, 0), action, () => uniform);
    expect([paid(2, 0.89), paid(2, 0.9), paid(1, 0.09), paid(1, 0.1)]).toEqual([1, 0, 1, 0]);
    const seen = new Float64Array(8);
    environment.observe(Float64Array.of(6, 0), seen, 0);
    expect(seen.indexOf(1)).toBe(6);
  });

  it("the multiplexer pays for the bit at the address", () => {
    const environment = multiplexer(2);
    // Address 11 in binary, and data 0 0 0 1.
    const state = Float64Array.of(1, 1, 0, 0, 0, 1, 0);
    expect(environment.step(state.slice(), 1, never)).toBe(1);
    expect(environment.step(state, 0, never)).toBe(-1);
    expect(environment.ended(state)).toBe(true);
  });
});

/** CartPole as an object with `reset` and `step`, which remembers where it stands. */
function pole(change: Partial<Steppable> = {}): Steppable {
  const state = new Float64Array(4);
  const seen = () => [...state];
  return {
    reset(seed) {
      cartPole.reset(state, (i) => (seed / 2 ** 32 + i / 4) % 1);
      return seen();
    },
    step(action) {
      const reward = cartPole.step(state, action, never);
      return { observation: seen(), reward, ended: cartPole.ended(state) };
    },
    ...change,
  };
}
const shape = { name: "pole", inputs: 4, actions: 2, limit: 20 };

describe("an object that can reset and step", () => {
  it("is lived in at every place by itself, and goes on from saved numbers to the same bits", () => {
    const make = () =>
      new Episodes(
        steppable(() => pole(), shape),
        2,
        5,
      );
    const [one, other] = [make(), make()];
    for (const place of [0, 1]) one.begin(place);
    const act = (episodes: Episodes, from: number, to: number) => {
      for (let t = from; t < to; t++) {
        for (const place of [0, 1]) {
          episodes.step(place, (t + place) % 2);
          if (episodes.ended[place] || episodes.cut[place]) episodes.begin(place);
        }
      }
    };
    act(one, 0, 13);
    other.numbers.set(one.numbers);
    const saved = one.numbers.slice();
    act(one, 13, 45);
    act(other, 13, 45);
    expect([...other.numbers]).toEqual([...one.numbers]);
    // Also where it has lived on before it is put back.
    one.numbers.set(saved);
    act(one, 13, 45);
    expect([...other.numbers]).toEqual([...one.numbers]);
    expect(one.numbers[0]).toBeGreaterThan(1);
  });

  it("shows what the object shows, in one episode after another and where it is put back", () => {
    const [world, own] = [steppable(() => pole(), shape), pole()];
    const state = new Float64Array(world.stateSize);
    const seen = (at: Float64Array) => {
      const out = new Float64Array(5);
      world.observe(at, out, 1);
      return [...out.subarray(1)];
    };
    for (const uniform of [0.25, 0.7]) {
      world.reset(state, () => uniform);
      expect(seen(state)).toEqual(own.reset(Math.floor(2 ** 32 * uniform)));
      for (const action of [1, 0, 1]) {
        world.step(state, action, never);
        expect(seen(state)).toEqual(own.step(action).observation);
      }
    }
    const back = state.slice();
    steppable(() => pole(), shape).step(back, 0, never);
    expect(seen(back)).toEqual(own.step(0).observation);
  });

  it("begins anew where nobody knows where it stands", () => {
    let [begun, isBroken] = [0, false];
    const own = pole();
    const reset = (seed: number) => {
      begun++;
      own.reset(seed + (isBroken ? 1 : 0));
      return isBroken ? raise("it is broken") : own.reset(seed);
    };
    const world = steppable(() => ({ ...own, reset }), shape);
    const state = new Float64Array(world.stateSize);
    world.reset(state, () => 0.25);
    isBroken = true;
    expect(() => world.reset(new Float64Array(world.stateSize), () => 0.5)).toThrow("it is broken");
    isBroken = false;
    world.step(state, 1, never);
    expect(begun).toBe(3);
  });

  it("is cut where it says so, and at the limit where it never ends", () => {
    const endless = { observation: [0, 0, 0, 0], reward: 1 };
    const run = (step: Steppable["step"]) => {
      const episodes = new Episodes(
        steppable(() => pole({ step }), shape),
        1,
        5,
      );
      episodes.begin(0);
      while (!episodes.cut[0] && !episodes.ended[0]) episodes.step(0, 0);
      return [episodes.cut[0], episodes.steps(0)];
    };
    expect(run(() => endless)).toEqual([true, 20]);
    let steps = 0;
    expect(run(() => ({ ...endless, cut: ++steps === 3 }))).toEqual([true, 3]);
  });

  it.each([
    ["throws", () => raise("no more"), "pole fails at step 4 of an episode: no more"],
    ["throws something else", () => raise(7), "pole fails at step 4 of an episode: 7"],
    ["shows too little", () => ({ observation: [1], reward: 0 }), "pole shows 1 numbers; expected 4"],
    ["shows nothing", () => ({ reward: 0 }), "pole shows nothing; expected 4"],
    [
      "pays nothing",
      () => ({ observation: [0, 0, 0, 0] }),
      "pole pays undefined for step 4 of an episode; expected a finite number",
    ],
  ])("which %s is told in a sentence, and its state stays", (_, failing, message) => {
    let broken = false;
    const make = () => {
      const whole = pole();
      return pole({
        reset: whole.reset,
        step: (action) => (broken ? (failing() as never) : whole.step(action)),
      });
    };
    const episodes = new Episodes(steppable(make, shape), 1, 5);
    episodes.begin(0);
    for (const action of [0, 1, 0]) episodes.step(0, action);
    const before = [...episodes.numbers];
    broken = true;
    expect(() => episodes.step(0, 1)).toThrow(message);
    expect([...episodes.numbers]).toEqual(before);
    broken = false;
    episodes.step(0, 1);
    expect(episodes.steps(0)).toBe(4);
  });

  it("which cannot begin leaves what was", () => {
    const episodes = new Episodes(
      steppable(() => pole({ reset: () => raise("not now") }), shape),
      1,
      5,
    );
    expect(() => episodes.begin(0)).toThrow("pole fails at the beginning of an episode: not now");
    expect(episodes.numbers.every((x) => x === 0)).toBe(true);
  });

  it("is refused for sizes that cannot be", () => {
    expect(() => steppable(() => pole(), { ...shape, limit: 0 })).toThrow(
      "pole has limit 0; expected a whole number from 1 on",
    );
  });
});

describe("an environment that cannot be", () => {
  const broken = (change: Partial<Environment>): Environment => ({
    ...findEnvironment("cart-pole"),
    ...change,
  });

  it("is refused by name", () => {
    expect(() => findEnvironment("cartpole")).toThrow(
      'the environment is "cartpole"; expected one of cart-pole, acrobot, mountain-car, grid-world, multiplexer, bandit',
    );
  });

  it("is refused for sizes, rewards and observations that are none", () => {
    expect(() => new Episodes(broken({ actions: 1 }), 1, 0)).toThrow(
      "the environment cart-pole has actions 1; expected a whole number from 2 on",
    );
    const unpaid = new Episodes(broken({ step: () => Number.NaN }), 1, 0);
    unpaid.begin(0);
    const before = [...unpaid.numbers];
    expect(() => unpaid.step(0, 0)).toThrow(
      "cart-pole pays NaN for step 1 of an episode; expected a finite number",
    );
    expect([...unpaid.numbers]).toEqual(before);
    const unseen = new Episodes(broken({ observe: (_, out) => out.fill(Infinity) }), 1, 0);
    expect(() => unseen.observe(new Float64Array(4))).toThrow(
      "cart-pole shows Infinity at place 0 of an observation; expected finite numbers",
    );
    const unsure = new Episodes(broken({ inputKind: "bits", observe: (_, out) => out.set([1, 0.5]) }), 1, 0);
    expect(() => unsure.observe(new Float64Array(4))).toThrow(
      "cart-pole shows 0.5 at place 1 of an observation; expected bits, 0 or 1",
    );
  });
});
