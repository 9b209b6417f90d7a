/**
 * Rows of a batch that act one after the other, each on what came of those before: an episode's steps. Every row's
 * laws and outcomes are computed in the estimator's own buffers, at a time of their own; then the estimator takes what stands there for
 * its main pass over the whole batch.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { Draws, Site } from "../network/draws.ts";
import { type Pass, partOfPass, samplePass } from "../network/pass.ts";
import type { Act } from "../tasks/task.ts";
import type { Learner } from "./learner.ts";

/** What acts: a learner, or an estimator that is audited. */
type Actor = Pick<Learner, "estimator" | "sample">;

/** Lets a learner act, step by step. */
export class Acting {
  readonly #learner: Actor;
  readonly #draws: Draws;
  /** By their first row, their number, and their time. */
  readonly #passes = new Map<string, Pass>();
  readonly #sites: Site[] = [];
  /** Rows that have acted in this step, and how often some did. */
  #acted = 0;
  #time = 0;

  constructor(learner: Actor, draws: Draws) {
    this.#learner = learner;
    this.#draws = draws;
  }

  /** See `Act`. */
  readonly act: Act = (first = 0, rows = this.#learner.estimator.pass.batchSize) => {
    const { pass: whole } = this.#learner.estimator;
    if (first !== this.#acted || !(rows >= 1 && first + rows <= whole.batchSize)) {
      throw new InputError(
        `rows ${first} to ${first + rows - 1} are to act, and ${this.#acted} of ${whole.batchSize} have; expected every row once, in order`,
      );
    }
    this.#acted += rows;
    if (rows === whole.batchSize) {
      this.#learner.sample(this.#draws);
      return bitsOf(whole);
    }
    const time = this.#time++;
    const key = `${first} ${rows} ${time}`;
    let pass = this.#passes.get(key);
    if (pass === undefined) {
      pass = partOfPass(whole, first, rows, time);
      this.#passes.set(key, pass);
    }
    samplePass(pass, this.#draws);
    if (this.#acted === whole.batchSize) this.#learner.sample(this.#played);
    return bitsOf(pass);
  };

  /** A new step. */
  start(): void {
    this.#acted = this.#time = 0;
  }

  /** The end of a step. @throws InputError where some rows have not acted */
  end(): void {
    const { batchSize } = this.#learner.estimator.pass;
    if (this.#acted === batchSize) return;
    throw new InputError(`${this.#acted} of ${batchSize} rows have acted; expected every row once a step`);
  }

  /** The main pass has been played, part by part, in its own buffers; whoever looks at its noise gets some that would have played it so. */
  readonly #played: Draws = {
    stands: (branch) => branch === 0,
    draw: (site, law) => {
      if (site.branch > 0) this.#draws.draw(site, law);
      else if (law.given !== undefined) this.#draws.draw(this.#behind(site), law.given);
    },
  };

  /** The site at a time behind all parts'. */
  #behind(site: Site): Site {
    const { index } = site.layer;
    this.#sites[index] ??= { ...site, time: this.#learner.estimator.pass.batchSize };
    return this.#sites[index];
  }
}

const bitsOf = ({ layers }: Pass): Matrix => layers[layers.length - 1].bits;
