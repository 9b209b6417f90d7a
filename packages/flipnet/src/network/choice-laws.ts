/**
 * Laws of several samples of softmax units that depend on each other: two that go down a tree of binary forks by an antithetic
 * pair of coins at each, and K whose stretches of [0, 1) are hit by numbers that repel each other. On the host.
 */
import { type Backend, immediate, type Matrix, type Outcome } from "../backend/backend.ts";
import { independent, type Law } from "./laws.ts";

/** Where choices part: those from `first` on go left, those from `middle` on right, up to `end`. */
export interface Fork {
  readonly first: number;
  readonly middle: number;
  readonly end: number;
  /** The fork on that side; -1 where one choice is left. */
  readonly left: number;
  readonly right: number;
}

/** The forks between choices, the root first. */
export type Tree = readonly Fork[];

/** A tree that halves the choices at every fork; of an odd number the left side has one more. */
export const balancedTree = (choices: number): Tree =>
  grow(choices, (first, end) => Math.ceil((first + end) / 2));

/** A stick that is broken choice by choice: every fork is between one choice and all later ones. */
export const sticks = (choices: number): Tree => grow(choices, (first) => first + 1);

function grow(choices: number, split: (first: number, end: number) => number): Tree {
  const forks: Fork[] = [];
  const from = (first: number, end: number): number => {
    if (end - first < 2) return -1;
    const place = forks.length;
    const middle = split(first, end);
    forks.push({ first, middle, end, left: -1, right: -1 });
    forks[place] = { first, middle, end, left: from(first, middle), right: from(middle, end) };
    return place;
  };
  from(0, choices);
  return forks;
}

/** The sum of some probabilities from `at + first` on, up to `at + end`. */
export function massOf(p: Float64Array, at: number, first: number, end: number): number {
  let sum = 0;
  for (let k = first; k < end; k++) sum += p[at + k];
  return sum;
}

/** Which of a unit's choices is made, from column `at` on. */
export function chosenAt(bits: Float64Array, at: number, choices: number): number {
  for (let k = 0; k < choices; k++) if (bits[at + k] === 1) return k;
  return 0;
}

/** The probability of going left at a fork, and of going right; a half each where neither can be. */
function oddsOf(
  p: Float64Array,
  at: number,
  { first, middle, end }: Fork,
  odds: { left: number; right: number },
): void {
  const [left, right] = [massOf(p, at, first, middle), massOf(p, at, middle, end)];
  const sum = left + right;
  odds.left = sum > 0 ? left / sum : 0.5;
  odds.right = sum > 0 ? right / sum : 0.5;
}

/**
 * Two samples of softmax units, into the outcome's bits and `second`: at every fork of the tree that one of them comes to it goes
 * left with the probability of what lies there, given that one of its choices is made. At a fork that both come to, with one
 * uniform `u`, the first goes left where `1 - u <= P`, the second where `u < P`. The uniforms are [B, units (choices - 1)].
 */
export function antitheticChoices(backend: Backend, outcome: Outcome, second: Matrix, tree: Tree): Law {
  const { p, bits, choices } = outcome;
  const { rows, columns: width } = p;
  const forks = choices - 1;
  const columns = (width / choices) * forks;
  const one = independent(backend, outcome);
  const numbers = () => new Float64Array(rows * width);
  const [chances, firsts, seconds] = [numbers(), numbers(), numbers()];
  const uniforms = new Float64Array(rows * columns);
  const odds = { left: 0, right: 0 };

  /** The choice that a unit's uniforms, from `u` on, lead to. */
  function descend(at: number, u: number, mirrored: boolean): number {
    for (let place = 0; ; ) {
      const fork = tree[place];
      oddsOf(chances, at, fork, odds);
      const uniform = uniforms[u + place];
      const isLeft = mirrored ? 1 - uniform <= odds.left : uniform < odds.left;
      place = isLeft ? fork.left : fork.right;
      if (place < 0) return isLeft ? fork.first : fork.middle;
    }
  }

  /** The probability that a unit's second sample is `two`, given that the first is `one`. */
  function chanceGiven(at: number, one: number, two: number): number {
    let chance = 1;
    for (let place = 0; place >= 0; ) {
      const fork = tree[place];
      const { first, middle, end } = fork;
      oddsOf(chances, at, fork, odds);
      const isLeft = two < middle;
      if (one < first || one >= end) chance *= isLeft ? odds.left : odds.right;
      else {
        const own = one < middle ? odds.left : odds.right;
        const small = Math.min(odds.left, odds.right);
        // What cannot happen may be followed by anything.
        if (own > 0) chance *= (isLeft === one < middle ? own - small : small) / own;
      }
      place = isLeft ? fork.left : fork.right;
    }
    return chance;
  }

  return {
    rows,
    columns,
    fromUniforms(given) {
      const now = immediate(backend);
      now.readNow(p, chances);
      now.readNow(given, uniforms);
      firsts.fill(0);
      seconds.fill(0);
      for (let at = 0, u = 0; at < chances.length; at += choices, u += forks) {
        firsts[at + descend(at, u, true)] = 1;
        seconds[at + descend(at, u, false)] = 1;
      }
      backend.write(bits, firsts);
      backend.write(second, seconds);
    },
    enumerate(toss) {
      const now = immediate(backend);
      one.enumerate!(toss);
      now.readNow(p, chances);
      now.readNow(bits, firsts);
      const { outcomes, probability } = toss("second of the pair", width / choices, choices);
      probability.fill(1);
      seconds.fill(0);
      for (let e = 0, at = 0; e < outcomes.length; e++, at += choices) {
        seconds[at + outcomes[e]] = 1;
        const first = chosenAt(firsts, at, choices);
        probability[Math.floor(at / width)] *= chanceGiven(at, first, outcomes[e]);
      }
      backend.write(second, seconds);
    },
  };
}

/**
 * Orders of a unit's choices along [0, 1), one for each two of them: the rarer of the two comes first, the other last, the rest
 * between as they are numbered. So whichever two choices there are, in one order they are as far apart as can be.
 */
export interface Orders {
  readonly count: number;
  /** Puts the stretches of K samples' choices of one unit, whose probabilities begin at `at`, in place. */
  place(p: Float64Array, at: number, chosen: ArrayLike<number>): void;
  /**
   * The probability that the samples of these numbers chose what they did, all orders being equally likely: that K repelling
   * numbers hit these stretches.
   */
  chance(samples: readonly number[]): number;
}

/** Orders for K samples of units of so many choices. */
export function prepareOrders(choices: number, K: number): Orders {
  const pairs = pairsOf(choices);
  const [lows, highs] = [new Float64Array(pairs.length * K), new Float64Array(pairs.length * K)];
  const edges = new Float64Array(2);
  // What K - 1 uniforms cut off [0, 1] is longer than 1 - s with the probability s^(K-1).
  const rest = (t: number) => 1 - (K === 2 ? t : K === 3 ? Math.sqrt(t) : t ** (1 / (K - 1)));
  return {
    count: pairs.length,
    place(p, at, chosen) {
      for (let order = 0; order < pairs.length; order++) {
        for (let k = 0; k < K; k++) {
          stretchOf(p, at, pairs[order], chosen[k], edges);
          lows[order * K + k] = rest(edges[1]);
          highs[order * K + k] = rest(edges[0]);
        }
      }
    },
    chance(samples) {
      let sum = 0;
      for (let order = 0; order < pairs.length; order++) {
        const at = order * K;
        for (let corner = 0; corner < 1 << samples.length; corner++) {
          let left = 1;
          let sign = 1;
          for (let n = 0; n < samples.length; n++) {
            const isHigh = (corner & (1 << n)) > 0;
            left -= (isHigh ? highs : lows)[at + samples[n]];
            if (isHigh) sign = -sign;
          }
          if (left > 0) sum += sign * power(left, K - 1);
        }
      }
      return Math.max(0, sum / pairs.length);
    },
  };
}

function power(base: number, exponent: number): number {
  let product = 1;
  for (let n = 0; n < exponent; n++) product *= base;
  return product;
}

const pairsOf = (choices: number): (readonly [number, number])[] =>
  Array.from({ length: choices }, (_, i) =>
    Array.from({ length: choices - 1 - i }, (_, j) => [i, i + 1 + j] as const),
  ).flat();

/** The stretch of a choice in the order of a pair, from `edges[0]` to `edges[1]`. */
function stretchOf(
  p: Float64Array,
  at: number,
  pair: readonly [number, number],
  choice: number,
  edges: Float64Array,
): void {
  const i = pair[0];
  const j = pair[1];
  const rarer = p[at + i] <= p[at + j] ? i : j;
  const other = i + j - rarer;
  const own = p[at + choice];
  if (choice === rarer) {
    edges[0] = 0;
    edges[1] = own;
  } else if (choice === other) {
    edges[0] = Math.max(0, 1 - own);
    edges[1] = 1;
  } else {
    let before = p[at + rarer];
    for (let k = 0; k < choice; k++) if (k !== i && k !== j) before += p[at + k];
    edges[0] = Math.min(1, before);
    edges[1] = Math.min(1, before + own);
  }
}

/**
 * K samples of softmax units that repel each other, into the outcome's bits and `others`: with the lengths `d_k` into which K - 1
 * uniforms cut [0, 1], sample k makes the choice whose stretch of [0, 1) holds `(1 - d_k)^(K-1)`, in one of the `orders`, which
 * all samples of a unit share. The uniforms are [K B, units]: K - 1 cuts, then the order. Two choices are Bernoulli units that
 * repel each other.
 */
export function repellingChoices(
  backend: Backend,
  outcome: Outcome,
  others: readonly Matrix[],
  orders: Orders,
): Law {
  const { p, bits, choices } = outcome;
  const { rows, columns: width } = p;
  const units = width / choices;
  const samples = [bits, ...others];
  const K = samples.length;
  const pairs = pairsOf(choices);
  const chances = new Float64Array(rows * width);
  const found = samples.map(() => new Float64Array(rows * width));
  const uniforms = new Float64Array(K * rows * units);
  const cuts = new Float64Array(K - 1);
  const chosen = new Int32Array(K);
  const edges = new Float64Array(2);
  const numbers = samples.map((_, k) => Array.from({ length: k + 1 }, (_, n) => n));

  function choose(at: number, pair: readonly [number, number], u: number): number {
    let likeliest = 0;
    for (let k = 0; k < choices; k++) {
      stretchOf(chances, at, pair, k, edges);
      if (u >= edges[0] && u < edges[1]) return k;
      if (chances[at + k] > chances[at + likeliest]) likeliest = k;
    }
    return likeliest; // rounding left a gap
  }

  return {
    rows: K * rows,
    columns: units,
    fromUniforms(given) {
      const now = immediate(backend);
      now.readNow(p, chances);
      now.readNow(given, uniforms);
      for (const bits of found) bits.fill(0);
      const step = rows * units;
      for (let unit = 0, at = 0; unit < step; unit++, at += choices) {
        for (let k = 0; k < K - 1; k++) cuts[k] = uniforms[k * step + unit];
        cuts.sort();
        const pair = pairs[Math.floor(uniforms[(K - 1) * step + unit] * pairs.length)];
        for (let k = 0; k < K; k++) {
          const length = (k < K - 1 ? cuts[k] : 1) - (k > 0 ? cuts[k - 1] : 0);
          found[k][at + choose(at, pair, power(1 - length, K - 1))] = 1;
        }
      }
      samples.forEach((sample, k) => {
        backend.write(sample, found[k]);
      });
    },
    enumerate(toss) {
      immediate(backend).readNow(p, chances);
      const tosses = samples.map((_, k) => toss(k === 0 ? "" : `sample ${k + 1}`, units, choices));
      for (const { probability } of tosses) probability.fill(1);
      for (const bits of found) bits.fill(0);
      for (let unit = 0, at = 0; unit < rows * units; unit++, at += choices) {
        const row = Math.floor(unit / units);
        tosses.forEach(({ outcomes }, k) => {
          chosen[k] = outcomes[unit];
          found[k][at + chosen[k]] = 1;
        });
        orders.place(chances, at, chosen);
        let before = chances[at + chosen[0]];
        tosses[0].probability[row] *= before;
        for (let k = 1; k < K; k++) {
          const chance = orders.chance(numbers[k]);
          // What cannot happen may be followed by anything.
          tosses[k].probability[row] *= before > 0 ? chance / before : 1 / choices;
          before = chance;
        }
      }
      samples.forEach((sample, k) => {
        backend.write(sample, found[k]);
      });
    },
  };
}

/**
 * Samples of softmax units by races: choice k comes in at `e_k e^(-l_k)`, `e` exponential times, and the first is made. Into the
 * outcome's bits, and into `swapped` what is made where two choices change their times, one matrix for each two of them, first (0, 1),
 * (0, 2), ... The uniforms are [choices B, units], choice after choice; into `shares`, [B, width], go the times over their sum, which
 * have the uniform law on the simplex. It cannot be enumerated.
 */
export function swappedRaces(
  backend: Backend,
  outcome: Outcome,
  swapped: readonly Matrix[],
  shares: Matrix,
): Law {
  const { logits, bits, choices } = outcome;
  const { rows, columns: width } = logits;
  const units = width / choices;
  const pairs = pairsOf(choices);
  const numbers = () => new Float64Array(rows * width);
  const [l, found, share] = [numbers(), numbers(), numbers()];
  const others = swapped.map(numbers);
  const uniforms = new Float64Array(choices * rows * units);
  const times = new Float64Array(choices);

  /** The first choice to come in, where `i` and `j` have each other's times. */
  function winner(at: number, i: number, j: number): number {
    let best = 0;
    let earliest = Infinity;
    for (let k = 0; k < choices; k++) {
      const time = Math.log(times[k === i ? j : k === j ? i : k]) - l[at + k];
      if (time < earliest) {
        earliest = time;
        best = k;
      }
    }
    return best;
  }

  return {
    rows: choices * rows,
    columns: units,
    fromUniforms(given) {
      const now = immediate(backend);
      now.readNow(logits, l);
      now.readNow(given, uniforms);
      found.fill(0);
      for (const other of others) other.fill(0);
      const step = rows * units;
      for (let unit = 0, at = 0; unit < step; unit++, at += choices) {
        let sum = 0;
        for (let k = 0; k < choices; k++) {
          // A uniform is a multiple of 2^-24, and may be 0: this is the middle of its step.
          times[k] = -Math.log(uniforms[k * step + unit] + 2 ** -25);
          sum += times[k];
        }
        for (let k = 0; k < choices; k++) share[at + k] = times[k] / sum;
        found[at + winner(at, 0, 0)] = 1;
        for (let n = 0; n < pairs.length; n++) others[n][at + winner(at, pairs[n][0], pairs[n][1])] = 1;
      }
      backend.write(bits, found);
      backend.write(shares, share);
      swapped.forEach((matrix, n) => {
        backend.write(matrix, others[n]);
      });
    },
  };
}
