/**
 * Where random draws come from. An estimator never samples by itself: it asks for the outcome of a *site*, a layer
 * of one branch at one time (branch 0 is the main pass; resampled passes have others). Training answers from the random
 * generator, tests from given uniforms, the audit from an enumeration.
 */
import type { Backend, Matrix } from "../backend/backend.ts";
import { deriveKey, type Key, newKey, type Stream, siteKey, timeKey } from "../random/threefry.ts";
import type { Law } from "./laws.ts";
import type { Layer } from "./network.ts";

/** One layer of one branch at one time: what is drawn together. */
export interface Site {
  readonly layer: Layer;
  /** Whoever makes a pass numbers it: 0 for the main pass, no two of one estimator alike. */
  readonly branch: number;
  /** Steps of an episode; 0 where there are none. */
  readonly time: number;
}

/** Answers for every site of a pass. */
export interface Draws {
  /** Lets `law` write what every unit of the site does. */
  draw(site: Site, law: Law): void;
  /** Whether the laws and outcomes of that branch's pass stand in its buffers already. Absent: no branch's do. */
  stands?(branch: number): boolean;
}

/** Draws from the counter-based generator: a function of seed, stream, step, layer, branch and time. */
export class GeneratedDraws implements Draws {
  readonly #backend: Backend;
  readonly #seed: number;
  readonly #stream: Stream;
  readonly #stepKey: Key = newKey();
  readonly #siteKey: Key = newKey();
  readonly #uniforms = new Map<Law, Matrix>();

  constructor(backend: Backend, seed: number, stream: Stream = "draws") {
    this.#backend = backend;
    this.#seed = seed;
    this.#stream = stream;
  }

  /** All draws until the next call belong to this step. */
  startStep(step: number): void {
    deriveKey(this.#seed, this.#stream, step, this.#stepKey);
  }

  draw({ layer, branch, time }: Site, law: Law): void {
    let uniforms = law.uniforms ?? this.#uniforms.get(law);
    if (uniforms === undefined) {
      uniforms = this.#backend.matrix(law.rows, law.columns);
      this.#uniforms.set(law, uniforms);
    }
    siteKey(this.#stepKey, layer.index, branch, this.#siteKey);
    if (time > 0) timeKey(this.#siteKey, time, this.#siteKey);
    this.#backend.uniforms(this.#siteKey, uniforms);
    law.fromUniforms(uniforms);
  }
}

/** Draws from given uniforms: one matrix for each site that will be asked for, [B, units] for independent units. */
export class GivenDraws implements Draws {
  readonly #uniforms: (site: Site) => Matrix;

  constructor(uniforms: (site: Site) => Matrix) {
    this.#uniforms = uniforms;
  }

  draw(site: Site, law: Law): void {
    law.fromUniforms(this.#uniforms(site));
  }
}
