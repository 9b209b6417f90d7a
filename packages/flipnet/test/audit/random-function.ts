/** Random small networks with random functions of all their units. */
import fc from "fast-check";
import type { BanditSpec } from "../../src/audit/bandit-spec.ts";
import type { FunctionSpec, LinearComponentSpec, TableComponentSpec } from "../../src/audit/function-spec.ts";
import { newKey, uniformAt } from "../../src/random/threefry.ts";
import { banditSpecs } from "./random-spec.ts";

const etas = ["identity", "square", "tanh", "log-likelihood"] as const;

/**
 * The networks of random bandits, Bernoulli layers only where `bernoulli`, with 1 to 3 components: tables of any
 * function, or linear ones of which some have a target.
 */
export const functionSpecs = (bernoulli = false): fc.Arbitrary<FunctionSpec> =>
  fc
    .tuple(banditSpecs, fc.nat())
    .filter(([{ layers }]) => !bernoulli || layers.every(({ kind }) => kind === "bernoulli"))
    .map(([{ reward: _, ...bandit }, seed]) => ({ ...bandit, components: components(bandit, seed) }));

function components({ layers, contexts }: Omit<BanditSpec, "reward">, seed: number) {
  const key = { ...newKey(), k0: seed, k1: 5 };
  let index = 0;
  const uniform = () => uniformAt(key, index++);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(uniform() * list.length)];
  const numbers = (count: number) => Array.from({ length: count }, () => 3 * uniform() - 1.5);
  const table = (rows: number, columns: number) => Array.from({ length: rows }, () => numbers(columns));
  const widths = layers.map(({ bias }) => bias.length);
  const states = layers.map(({ kind, choices = 2, bias }) =>
    kind === "softmax" ? choices ** (bias.length / choices) : 2 ** bias.length,
  );

  return Array.from(
    { length: 1 + Math.floor(3 * uniform()) },
    (_, i): LinearComponentSpec | TableComponentSpec => {
      const name = `component ${i}`;
      const own = layers.map((_, l) => l).filter(() => uniform() < 0.6);
      const reads = own.length === 0 ? [layers.length - 1] : own;
      if (uniform() < 0.4) {
        const outcomes = reads.reduce((product, l) => product * states[l], 1);
        return { name, reads, values: table(contexts.length, outcomes), scalar: uniform() < 0.5 };
      }
      const eta = pick(etas);
      const free = layers.map((_, l) => l).filter((l) => !reads.includes(l));
      const rows = 1 + Math.floor(2 * uniform());
      const target =
        eta !== "log-likelihood" ? undefined : free.length > 0 && uniform() < 0.6 ? pick(free) : "given";
      const height = typeof target === "number" ? widths[target] : rows;
      const seen = uniform() < 0.3 ? [...reads, "input" as const] : reads;
      const width = seen.reduce<number>(
        (sum, l) => sum + (l === "input" ? contexts[0].length : widths[l]),
        0,
      );
      return {
        name,
        reads: seen,
        weights: table(height, width),
        bias: numbers(height),
        eta,
        ...(target === undefined
          ? {}
          : {
              target:
                target === "given" ? contexts.map(() => numbers(rows).map((x) => (x > 0 ? 1 : 0))) : target,
            }),
      };
    },
  );
}
