/**
 * What a credit depends on. A rule that draws samples of its own for every layer has joint draws without number, but
 * one layer's credit depends on few of them: with two passes from every layer on, those of the other layers' passes
 * say nothing about it. A sum over states may leave such tosses out, for all their outcomes together have probability
 * 1, as long as nothing that stays depends on them.
 *
 * Nobody has to declare that. It is found out by trying: on many random states every toss in turn gets other outcomes,
 * and whatever changes, a layer's credit or the law of another toss, depends on it. Then all the tosses that were left
 * out get other outcomes at once, on other states; a change now is an error.
 */
import type { ImmediateBackend } from "../backend/backend.ts";
import type { Linear } from "../network/network.ts";
import { shown } from "../network/pass.ts";
import type { EnumeratedDraws, Toss } from "./enumeration.ts";
import type { Trial } from "./subject.ts";

/** Linear maps whose credits can be summed up over the same states. */
export interface Part {
  readonly linears: readonly Linear[];
  /** All that their credits depend on. */
  readonly tosses: readonly Toss[];
  /** Number of states to enumerate. */
  readonly states: number;
}

const countStates = (tosses: readonly Toss[]): number =>
  tosses.reduce((product, toss) => product * toss.states, 1);

/** One part with all tosses. */
export const wholePart = (linears: readonly Linear[], tosses: readonly Toss[]): Part => ({
  linears,
  tosses,
  states: countStates(tosses),
});

/** The fewest states that every credit of a trial can be summed up over. */
export function findParts(
  backend: ImmediateBackend,
  linears: readonly Linear[],
  draws: EnumeratedDraws,
  trial: Trial,
): Part[] {
  const { tosses } = draws;
  const rows = trial.credits[0].g.rows;
  draws.select([]);

  /** What every linear map's gradient is made of, and every toss's probability. */
  function observe(): Map<Linear | Toss, Float64Array[]> {
    draws.start(0, rows);
    trial.run();
    const seen = new Map<Linear | Toss, Float64Array[]>();
    for (const linear of linears) {
      const own = trial.credits.filter((credit) => credit.linear === linear);
      const matrices = own.flatMap(({ g, pass }) => [
        g,
        ...linear.parents.map(({ from }) => shown(pass, from)),
      ]);
      seen.set(
        linear,
        matrices.map((matrix) => backend.readNow(matrix)),
      );
    }
    for (const toss of tosses) seen.set(toss, [toss.probability]);
    return seen;
  }

  const before = observe();
  const dependsOn = new Map<Linear | Toss, Toss[]>([...before.keys()].map((thing) => [thing, []]));
  for (const toss of tosses) {
    toss.key = { ...toss.key, k1: 1 };
    const after = observe();
    for (const [thing, found] of dependsOn) {
      if (thing !== toss && !same(before.get(thing)!, after.get(thing)!)) found.push(toss);
    }
    toss.key = { ...toss.key, k1: 0 };
  }

  /** What a thing depends on, and what that depends on, in the order in which they are drawn. */
  function ancestors(thing: Linear | Toss): Toss[] {
    const found = new Set<Toss>();
    const visit = (one: Linear | Toss) => {
      for (const toss of dependsOn.get(one)!) {
        if (found.has(toss)) continue;
        found.add(toss);
        visit(toss);
      }
    };
    visit(thing);
    return tosses.filter((toss) => found.has(toss));
  }

  // A map that needs no more than another is summed up beside it.
  const needs = linears.map((linear) => wholePart([linear], ancestors(linear)));
  needs.sort((a, b) => b.states - a.states);
  const parts: Part[] = [];
  for (const need of needs) {
    const place = parts.findIndex(({ tosses: all }) => need.tosses.every((toss) => all.includes(toss)));
    if (place < 0) parts.push(need);
    else parts[place] = { ...parts[place], linears: [...parts[place].linears, ...need.linears] };
  }

  for (const part of parts) {
    for (const toss of tosses) toss.key = { ...toss.key, k1: 2 };
    const one = observe();
    for (const toss of tosses) if (!part.tosses.includes(toss)) toss.key = { ...toss.key, k1: 3 };
    const other = observe();
    for (const thing of [...part.linears, ...part.tosses]) {
      if (same(one.get(thing)!, other.get(thing)!)) continue;
      throw new Error(
        `${thing.name} depends on draws that were found not to matter; they cannot be left out`,
      );
    }
  }
  return parts;
}

/** Exactly, NaN being itself: the same computation on the same numbers. */
const same = (a: readonly Float64Array[], b: readonly Float64Array[]): boolean =>
  a.every((array, i) => array.every((value, e) => Object.is(value, b[i][e])));
