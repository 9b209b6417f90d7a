// Gymnasium's environments, where Python has them: GYMNASIUM_PYTHON says which Python.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { cartPole } from "../../src/environments/cart-pole.ts";
import { Episodes } from "../../src/environments/episodes.ts";
import { gymnasium } from "../../src/node/gymnasium.ts";

const python = process.env.GYMNASIUM_PYTHON ?? "python3";
const isThere = spawnSync(python, ["-c", "import gymnasium"]).status === 0;

describe.runIf(isThere)("an environment of Gymnasium's", () => {
  it("takes the steps that ours takes, and goes on where it was", () => {
    const environment = gymnasium("CartPole-v1", { python });
    expect(environment).toMatchObject({ inputs: 4, actions: 2, limit: 500 });
    const [one, other] = [1, 2].map(() => new Episodes(environment, 2, 3));
    for (const place of [0, 1]) one.begin(place);
    const seen = new Float64Array(8);
    one.observe(seen);
    const ours = Float64Array.from(seen.subarray(0, 4));
    for (let t = 0; t < 8; t++) {
      for (const place of [0, 1]) one.step(place, t % 2);
      cartPole.step(ours, t % 2, () => 0);
      one.observe(seen);
      // Gymnasium shows float32, which ours began with.
      ours.forEach((x, i) => {
        expect(seen[i]).toBeCloseTo(x, 5);
      });
    }
    other.numbers.set(one.numbers);
    for (const episodes of [one, other]) episodes.step(1, 1);
    expect([...other.numbers]).toEqual([...one.numbers]);
  });

  it("that is none is refused in a sentence, and one that fails or does not answer ends the run", () => {
    expect(() => gymnasium("NoSuchThing-v0", { python })).toThrow(/^NoSuchThing-v0 has ended: .*NoSuchThing/);
    expect(() => gymnasium("Pendulum-v1", { python })).toThrow(
      /^Pendulum-v1 has ended: its actions are Box.*; expected a Discrete space$/,
    );
    expect(() => gymnasium("CartPole-v1", { python, timeout: 1 })).toThrow(
      "CartPole-v1 has not answered within 1 ms",
    );
  });
});

it("without a Python there is a sentence", () => {
  expect(() => gymnasium("CartPole-v1", { python: "no-such-python" })).toThrow(
    "CartPole-v1 has ended: spawn no-such-python ENOENT",
  );
});
