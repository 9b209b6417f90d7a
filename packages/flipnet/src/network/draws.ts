/**
 * Where random draws come from. An estimator never samples by itself: it asks for the outcome of a *site*, a layer
 * of one branch (branch 0 is the main pass; resampled passes have others). Training answers from the random
 * generator, tests from given uniforms, the audit from an enumeration.
 */
import type { Backend, Matrix, Outcome } from "../backend/backend.ts";
import { deriveKey, type Key, newKey, type Stream, siteKey } from "../random/threefry.ts";
import type { Layer } from "./network.ts";

/** One layer of one branch: what is drawn together. */
export interface Site {
  readonly layer: Layer;
  readonly branch: number;
}

/** Answers for every site of a pass. */
export interface Draws {
  /** Writes what every unit of `site.layer` does into `outcome.bits`, given its law in `p` and `q`. */
  sample(site: Site, outcome: Outcome): void;
  /**
   * Draws an antithetic pair for the Bernoulli layer `site.layer`: with one uniform `u` a unit, `1[1 - u <= p]` into
   * the outcome's bits and `1[u < p]` into `second`, both [B, J]; `u` itself into `uniforms` where that is given.
   */
  samplePair(site: Site, outcome: Outcome, second: Matrix, uniforms?: Matrix): void;
}

/** The outcome that uniforms give: on where `u < p`; the choice whose stretch of [0, 1) holds `u`. */
export function sampleFrom(backend: Backend, { kind, choices, p, bits }: Outcome, uniforms: Matrix): void {
  if (kind === "bernoulli") backend.sampleBernoulli(p, uniforms, bits);
  else backend.sampleCategorical(p, choices, uniforms, bits);
}

/** Draws from the counter-based generator: a function of seed, stream, step, layer and branch. */
export class GeneratedDraws implements Draws {
  readonly #backend: Backend;
  readonly #seed: number;
  readonly #stream: Stream;
  readonly #stepKey: Key = newKey();
  readonly #siteKey: Key = newKey();
  readonly #uniforms = new Map<Site, Matrix>();

  constructor(backend: Backend, seed: number, stream: Stream = "draws") {
    this.#backend = backend;
    this.#seed = seed;
    this.#stream = stream;
  }

  /** All draws until the next call belong to this step. */
  startStep(step: number): void {
    deriveKey(this.#seed, this.#stream, step, this.#stepKey);
  }

  sample(site: Site, outcome: Outcome): void {
    sampleFrom(this.#backend, outcome, this.#draw(site, outcome.bits.rows));
  }

  samplePair(site: Site, outcome: Outcome, second: Matrix, uniforms?: Matrix): void {
    const u = this.#draw(site, outcome.bits.rows, uniforms);
    this.#backend.sampleAntithetic(outcome.p, u, outcome.bits, second);
  }

  /** The uniforms of a site, [B, units], in a matrix of its own unless one is given. */
  #draw(site: Site, rows: number, into = this.#uniforms.get(site)): Matrix {
    const { layer, branch } = site;
    let uniforms = into;
    if (uniforms === undefined) {
      uniforms = this.#backend.matrix(rows, layer.units);
      this.#uniforms.set(site, uniforms);
    }
    siteKey(this.#stepKey, layer.index, branch, this.#siteKey);
    this.#backend.uniforms(this.#siteKey, uniforms);
    return uniforms;
  }
}

/** Draws from given uniforms: one [B, units] matrix for each site that will be asked for. */
export class GivenDraws implements Draws {
  readonly #backend: Backend;
  readonly #uniforms: (site: Site) => Matrix;

  constructor(backend: Backend, uniforms: (site: Site) => Matrix) {
    this.#backend = backend;
    this.#uniforms = uniforms;
  }

  sample(site: Site, outcome: Outcome): void {
    sampleFrom(this.#backend, outcome, this.#uniforms(site));
  }

  samplePair(site: Site, outcome: Outcome, second: Matrix, uniforms?: Matrix): void {
    const u = this.#uniforms(site);
    if (uniforms !== undefined) this.#backend.copy(u, uniforms);
    this.#backend.sampleAntithetic(outcome.p, u, outcome.bits, second);
  }
}
