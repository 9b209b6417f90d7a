/**
 * Laws of draws: how the uniforms of a site become outcomes, and how all that can happen is gone through. A law is bound
 * to the matrices that it writes. Training, given uniforms and the audit learn of a new law by one object.
 */
import { type Backend, immediate, type Matrix, type Outcome } from "../backend/backend.ts";

/** Something that is drawn for every row of a batch, with all of its ways to come out. */
export interface Toss {
  /** [B, units] how each unit came out, 0 to `sides - 1`. */
  readonly outcomes: Int32Array;
  /** [B] the probability of that, given what was drawn before; whoever asks for the toss fills it in. */
  readonly probability: Float64Array;
}

/** Answers with the outcomes of the tosses that a law is made of, each under a name of its own. */
export type Tosser = (name: string, units: number, sides: number) => Toss;

/** A law, bound to the matrices that it writes. */
export interface Law {
  /** Uniforms that it takes, [rows, columns]. */
  readonly rows: number;
  readonly columns: number;
  /** Room for them where somebody looks at them afterwards; absent: whoever draws has room. */
  readonly uniforms?: Matrix;
  /**
   * Of uniforms that somebody looks at afterwards: from as many others it writes there what would have drawn the outcomes as they are. To
   * be asked for where these were drawn elsewhere. Absent: nobody looks.
   */
  readonly given?: Law;
  /** Writes the outcomes that these uniforms give. */
  fromUniforms(uniforms: Matrix): void;
  /** Writes the outcomes of tosses, and their probabilities. Absent: it cannot be enumerated, only simulated. */
  enumerate?(toss: Tosser): void;
}

/** The outcome that uniforms give: on where `u < p`; the choice whose stretch of [0, 1) holds `u`. */
export function sampleFrom(backend: Backend, { kind, choices, p, bits }: Outcome, uniforms: Matrix): void {
  if (kind === "bernoulli") backend.sampleBernoulli(p, uniforms, bits);
  else backend.sampleCategorical(p, choices, uniforms, bits);
}

/**
 * Every unit by itself, given its law in `p` and `q`: a Bernoulli unit is on where `u < p`; a softmax unit makes the
 * choice whose stretch of [0, 1) holds `u`.
 */
export function independent(backend: Backend, outcome: Outcome): Law {
  const { kind, choices, p, q, bits } = outcome;
  const { rows, columns: width } = p;
  const units = width / choices;
  return {
    rows,
    columns: units,
    fromUniforms: (uniforms) => sampleFrom(backend, outcome, uniforms),
    enumerate(toss) {
      const now = immediate(backend);
      const { outcomes, probability } = toss("", units, Math.max(2, choices));
      probability.fill(1);
      const on = now.readNow(p);
      // Not 1 - p: rare outcomes must keep their relative accuracy, for their credit may be as large as they are rare.
      const off = now.readNow(q);
      const found = new Float64Array(on.length);
      for (let e = 0; e < outcomes.length; e++) {
        const row = Math.floor(e / units);
        if (kind === "bernoulli") {
          found[e] = outcomes[e];
          probability[row] *= outcomes[e] === 1 ? on[e] : off[e];
        } else {
          const chosen = row * width + (e % units) * choices + outcomes[e];
          found[chosen] = 1;
          probability[row] *= on[chosen];
        }
      }
      backend.write(bits, found);
    },
  };
}

/**
 * Antithetic pairs of Bernoulli units: with one uniform `u` a unit, `1[1 - u <= p]` into the outcome's bits and
 * `1[u < p]` into `second`, both [B, J]; `u` itself into `kept` where that is given.
 *
 * With `a = min(p, q)`, the pair differs where the uniform lies below `a` or above `1 - a`, and is the likelier outcome
 * twice between. First and second bit are tosses of their own, the second's law being given the first, for other
 * layers' credits depend on one of the two only. What is linear in the uniform is integrated exactly, its square too,
 * by two points of each stretch.
 */
export function antithetic(backend: Backend, outcome: Outcome, second: Matrix, kept?: Matrix): Law {
  const { p, q, bits } = outcome;
  const { rows, columns: units } = p;
  const one = independent(backend, outcome);
  return {
    rows,
    columns: units,
    ...(kept && { uniforms: kept }),
    fromUniforms(uniforms) {
      if (kept !== undefined && kept !== uniforms) backend.copy(uniforms, kept);
      backend.sampleAntithetic(p, uniforms, bits, second);
    },
    enumerate(toss) {
      const now = immediate(backend);
      one.enumerate!(toss);
      const first = now.readNow(bits);
      const pair = toss("second of the pair", units, 2);
      const nodes = kept === undefined ? [0.5] : gauss;
      const node = kept === undefined ? undefined : toss("uniform", units, nodes.length);
      const [on, off] = [now.readNow(p), now.readNow(q)];
      const other = new Float64Array(first.length);
      const u = new Float64Array(first.length);
      pair.probability.fill(1);
      for (let e = 0; e < first.length; e++) {
        const differs = pair.outcomes[e] === 1;
        const own = first[e] === 1 ? on[e] : off[e];
        const small = Math.min(on[e], off[e]);
        const length = differs ? small : own - small;
        other[e] = differs ? 1 - first[e] : first[e];
        const start = !differs ? small : first[e] === 1 ? 1 - small : 0;
        u[e] = start + length * nodes[node?.outcomes[e] ?? 0];
        // What cannot happen may be followed by anything.
        pair.probability[Math.floor(e / units)] *= own > 0 ? length / own : 0.5;
      }
      backend.write(second, other);
      if (kept !== undefined) backend.write(kept, u);
    },
  };
}

/** Places and equal weights of the two-point Gauss-Legendre rule on [0, 1]: exact for cubics. */
const gauss = [0.5 - Math.sqrt(1 / 12), 0.5 + Math.sqrt(1 / 12)];

/**
 * K Bernoulli outcomes a unit that repel each other as much as K can: `outcome`'s bits and `others`, all [B, J]. The
 * lengths `d_k` into which K - 1 uniforms cut [0, 1] have the uniform law on the simplex, a Dirichlet copula: each
 * `(1 - d_k)^(K-1)` is uniform, and few of them can be small at once. The rarer outcome, of probability `a = min(p, q)`,
 * is sample k's where `1 - d_k < a^(1/(K-1))`. Two of them are an antithetic pair, from the same uniform.
 *
 * The uniforms are [(K - 1) B, J]. That m given samples are rare has the probability `max(0, 1 - m (1 - s))^(K-1)`,
 * `s = a^(1/(K-1))`, for the rest of the interval must hold them all.
 */
export function repelling(backend: Backend, outcome: Outcome, others: readonly Matrix[]): Law {
  const { p, q, bits } = outcome;
  const { rows, columns: units } = p;
  const samples = [bits, ...others];
  const K = samples.length;
  const matrix = () => backend.matrix(rows, units);
  const cuts = Array.from({ length: K - 1 }, matrix);
  const [threshold, onIsLikelier, left, right] = [0, 1, 2, 3].map(matrix);
  const negate = (a: Matrix, out: Matrix) => {
    backend.fill(out, 0);
    backend.addScaled(a, -1, out);
  };
  /** `out = 1 - out` where the likelier outcome is to be on: of bits as of numbers in [0, 1]. */
  const mirror = (out: Matrix) => {
    backend.multiply(out, onIsLikelier, left);
    backend.addScaled(onIsLikelier, 1, out);
    backend.addScaled(left, -2, out);
  };
  /** The smaller into `a`, the larger into `b`. Negated twice, as nothing is lost by that. */
  const order = (a: Matrix, b: Matrix) => {
    negate(a, left);
    negate(b, right);
    backend.maximum(left, right, left);
    backend.maximum(a, b, b);
    negate(left, a);
  };
  return {
    rows: rows * (K - 1),
    columns: units,
    fromUniforms(uniforms) {
      backend.sampleBernoulli(q, p, onIsLikelier); // 1 where p < q
      backend.fill(threshold, 1);
      backend.subtract(threshold, onIsLikelier, onIsLikelier);
      cuts.forEach((cut, k) => {
        backend.copy(backend.view(uniforms, k * rows * units, rows, units), cut);
        mirror(cut); // so that two samples are the pair that the uniform gives
      });
      for (let end = K - 2; end > 0; end--) {
        for (let k = 0; k < end; k++) order(cuts[k], cuts[k + 1]);
      }
      negate(p, left);
      negate(q, right);
      backend.maximum(left, right, left);
      negate(left, threshold);
      backend.signedPower(threshold, 1 / (K - 1), 1, threshold);
      samples.forEach((sample, k) => {
        // 1 less the length between two cuts.
        backend.fill(right, k < K - 1 ? 1 : 0);
        if (k < K - 1) backend.addScaled(cuts[k], -1, right);
        if (k > 0) backend.addScaled(cuts[k - 1], 1, right);
        backend.sampleBernoulli(threshold, right, sample);
        mirror(sample);
      });
    },
    enumerate(toss) {
      const now = immediate(backend);
      const [on, off] = [now.readNow(p), now.readNow(q)];
      const rare = new Int32Array(on.length);
      samples.forEach((sample, n) => {
        const { outcomes, probability } = toss(n === 0 ? "" : `sample ${n + 1}`, units, 2);
        probability.fill(1);
        for (let e = 0; e < outcomes.length; e++) {
          const small = Math.min(on[e], off[e]);
          const isRare = (outcomes[e] === 1) === on[e] < off[e];
          const before = chanceOf(n, rare[e], small, K);
          if (isRare) rare[e]++;
          // What cannot happen may be followed by anything.
          const share = before > 0 ? chanceOf(n + 1, rare[e], small, K) / before : 0.5;
          probability[Math.floor(e / units)] *= share;
        }
        backend.write(sample, outcomes);
      });
    },
  };
}

/** The probability that of the first `n` of K repelling samples some given `m` are rare, the others not. */
function chanceOf(n: number, m: number, small: number, K: number): number {
  const s = small ** (1 / (K - 1));
  let sum = 0;
  let choose = 1;
  for (let j = 0; j <= n - m; j++) {
    const all = m + j === 0 ? 1 : m + j === 1 ? small : Math.max(0, 1 - (m + j) * (1 - s)) ** (K - 1);
    sum += (j % 2 === 0 ? choose : -choose) * all;
    choose *= (n - m - j) / (j + 1);
  }
  return Math.max(0, sum);
}
