/**
 * Bernoulli units as thresholds of logistic noise: `z = l - logit(u)` of the uniform `u` that draws the bit, which is on where
 * `u < p`, so where `z > 0`. Relaxations show `sigmoid(z / temperature)` in place of the bit.
 */
import { type Backend, immediate, type Matrix, type Outcome } from "../backend/backend.ts";
import { type Law, sampleFrom } from "../network/laws.ts";
import { asUniform, halfStep, keeping, tiny } from "./kept-uniforms.ts";

/** Each unit by itself, as `independent` draws them. */
export function keepingNoise(backend: Backend, outcome: Outcome, kept: Matrix): Law {
  const { p, q, bits } = outcome;
  const { rows, columns } = p;
  const first = backend.view(kept, 0, rows, columns);
  const [on, off, did, u] = [0, 1, 2, 3].map(() => new Float64Array(rows * columns));
  function redraw(): void {
    const now = immediate(backend);
    now.readNow(p, on);
    now.readNow(q, off);
    now.readNow(bits, did);
    now.readNow(first, u);
    for (let e = 0; e < u.length; e++) {
      u[e] = asUniform(did[e] === 1 ? on[e] * u[e] : on[e] + off[e] * u[e]);
    }
    backend.write(first, u);
  }
  return keeping(backend, kept, () => sampleFrom(backend, outcome, first), redraw);
}

/** What a layer's noise is, as numbers; each array is [B, J], row by row, and is used again at the next call. */
export interface LogisticNoise {
  /** `z`, from the layer's logits and the uniforms that drew it. */
  relax(): void;
  /**
   * `z` anew from other uniforms `v`, given the bits as they are: the uniform that drew them is `p v` where a unit is on, `p + q v`
   * where it is off. `block` says which rows of the uniforms are `v`.
   */
  relaxGivenBits(block: number): void;
  /** [B, J] z, written by either. */
  readonly z: Matrix;
  /** [B, J] what `relaxGivenBits` has for dz/dl, the bits and `v` being fixed: `p (1 - v) / (1 - p v)` on, `q v / (p + q v)` off. */
  readonly slope: Matrix;
}

/** Buffers for the noise of one layer; `kept` are its uniforms. */
export function prepareNoise(backend: Backend, { logits, p, q, bits }: Outcome, kept: Matrix): LogisticNoise {
  const now = immediate(backend);
  const { rows, columns } = p;
  const [z, slope] = [0, 1].map(() => backend.matrix(rows, columns));
  const [l, on, off, did, relaxed, slopes] = Array.from(
    { length: 6 },
    () => new Float64Array(rows * columns),
  );
  const u = new Float64Array(kept.rows * columns);
  return {
    z,
    slope,
    relax() {
      now.readNow(logits, l);
      now.readNow(kept, u);
      for (let e = 0; e < l.length; e++) {
        const noise = u[e] + halfStep;
        relaxed[e] = l[e] + Math.log1p(-noise) - Math.log(noise);
      }
      backend.write(z, relaxed);
    },
    relaxGivenBits(block) {
      now.readNow(p, on);
      now.readNow(q, off);
      now.readNow(bits, did);
      now.readNow(kept, u);
      const first = block * relaxed.length;
      for (let e = 0; e < relaxed.length; e++) {
        const v = u[first + e] + halfStep;
        if (did[e] === 1) {
          const beyond = off[e] + on[e] * (1 - v); // 1 - p v
          relaxed[e] = Math.log(beyond) - Math.log(Math.max(off[e], tiny)) - Math.log(v);
          slopes[e] = (on[e] * (1 - v)) / beyond;
        } else {
          const beyond = on[e] + off[e] * v;
          relaxed[e] = Math.log(Math.max(on[e], tiny)) + Math.log1p(-v) - Math.log(beyond);
          slopes[e] = (off[e] * v) / beyond;
        }
      }
      backend.write(z, relaxed);
      backend.write(slope, slopes);
    },
  };
}
