/**
 * Softmax units as the largest of logits with Gumbel noise: `z_k = l_k - log E_k`, `E_k = -log u_k` exponential times, one uniform a choice;
 * the choice is the largest `z`. Relaxations show `softmax(z / temperature)` in its place.
 */
import { type Backend, immediate, type Matrix, type Outcome } from "../backend/backend.ts";
import type { Law } from "../network/laws.ts";
import { asUniform, halfStep, keeping, tiny } from "./kept-uniforms.ts";

const timeOf = (u: number) => -Math.log(u + halfStep);

/** Each unit by itself. */
export function keepingGumbels(backend: Backend, outcome: Outcome, kept: Matrix): Law {
  const { logits, p, choices, bits } = outcome;
  const { rows, columns } = logits;
  const first = backend.view(kept, 0, rows, columns);
  const [l, u, found] = [0, 1, 2].map(() => new Float64Array(rows * columns));
  function draw(): void {
    const now = immediate(backend);
    now.readNow(logits, l);
    now.readNow(first, u);
    found.fill(0);
    for (let at = 0; at < l.length; at += choices) {
      let best = at;
      let largest = -Infinity;
      for (let k = at; k < at + choices; k++) {
        const z = l[k] - Math.log(timeOf(u[k]));
        if (z > largest) {
          largest = z;
          best = k;
        }
      }
      found[best] = 1;
    }
    backend.write(bits, found);
  }
  function redraw(): void {
    const now = immediate(backend);
    now.readNow(p, l);
    now.readNow(bits, found);
    now.readNow(first, u);
    for (let at = 0; at < l.length; at += choices) {
      // Choice k comes in at E_k / p_k: the one that was made at an exponential time, the others as long after it as ever.
      const chosen = found.indexOf(1, at);
      const earliest = timeOf(u[chosen]);
      for (let k = at; k < at + choices; k++) {
        const E = l[k] * earliest + (k === chosen ? 0 : timeOf(u[k]));
        u[k] = asUniform(Math.exp(-E) - halfStep);
      }
    }
    backend.write(first, u);
  }
  return keeping(backend, kept, draw, redraw);
}

/** What a layer's noise is, as numbers. */
export interface GumbelNoise {
  /** `z`, from the layer's logits and the uniforms that drew it. */
  relax(): void;
  /**
   * `z` anew from other uniforms, given the choice `c` as it is, but for a number that all of a unit have in common: the largest is
   * `-log E_c` whichever it is, and the others are those that stay below it, `-log(E_k / p_k + E_c)`. `block` says which rows of the uniforms.
   */
  relaxGivenBits(block: number): void;
  /** [B, width] z, written by either. */
  readonly z: Matrix;
  /**
   * `out = dz/dl d`, for `z` given the choice: as the logits move by `d`, `z_k` of a choice not made does by `m_k (d_k - sum_j p_j d_j)`,
   * `m_k = E_k / (E_k + p_k E_c)`, and that of the one made not at all. `out` may be `d`.
   */
  push(d: Matrix, out: Matrix): void;
  /** `out = a dz/dl`, for `z` given the choice. `out` may be `a`. */
  pull(a: Matrix, out: Matrix): void;
}

/** Buffers for the noise of one layer; `kept` are its uniforms. */
export function prepareGumbels(
  backend: Backend,
  { logits, p, bits, choices }: Outcome,
  kept: Matrix,
): GumbelNoise {
  const now = immediate(backend);
  const { rows, columns } = logits;
  const size = rows * columns;
  const blocks = Array.from({ length: kept.rows / rows }, (_, block) =>
    backend.view(kept, block * size, rows, columns),
  );
  const z = backend.matrix(rows, columns);
  const [law, u, did, relaxed, moves, room] = Array.from({ length: 6 }, () => new Float64Array(size));
  return {
    z,
    relax() {
      now.readNow(logits, law);
      now.readNow(blocks[0], u);
      for (let e = 0; e < size; e++) relaxed[e] = law[e] - Math.log(timeOf(u[e]));
      backend.write(z, relaxed);
    },
    relaxGivenBits(block) {
      now.readNow(p, law);
      now.readNow(bits, did);
      now.readNow(blocks[block], u);
      for (let at = 0; at < size; at += choices) {
        const chosen = did.indexOf(1, at);
        const earliest = timeOf(u[chosen]);
        for (let k = at; k < at + choices; k++) {
          const later = k === chosen ? 0 : timeOf(u[k]) / Math.max(law[k], tiny);
          relaxed[k] = -Math.log(later + earliest);
          moves[k] = later / (later + earliest);
        }
      }
      backend.write(z, relaxed);
    },
    push(d, out) {
      now.readNow(d, room);
      for (let at = 0; at < size; at += choices) {
        let common = 0;
        for (let k = at; k < at + choices; k++) common += law[k] * room[k];
        for (let k = at; k < at + choices; k++) room[k] = moves[k] * (room[k] - common);
      }
      backend.write(out, room);
    },
    pull(a, out) {
      now.readNow(a, room);
      for (let at = 0; at < size; at += choices) {
        let common = 0;
        for (let k = at; k < at + choices; k++) {
          room[k] *= moves[k];
          common += room[k];
        }
        for (let k = at; k < at + choices; k++) room[k] -= law[k] * common;
      }
      backend.write(out, room);
    },
  };
}
