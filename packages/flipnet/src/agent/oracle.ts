/** What an agent would do in a context: probabilities, asked beside its stream of decisions. */
import type { ImmediateBackend, Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import { GeneratedDraws } from "../network/draws.ts";
import { type Choosing, Exploration } from "../network/exploration.ts";
import type { Network } from "../network/network.ts";
import { createPass, explorePass, type Pass, samplePass } from "../network/pass.ts";
import { RowChoice } from "../network/row-choice.ts";

/** The probability of every action, estimated. */
export interface Likelihoods {
  /** They sum to 1. */
  readonly probabilities: number[];
  /** Of each of them. */
  readonly standardErrors: number[];
  /** Samples of the coins that they are means over. */
  readonly samples: number;
}

interface Samples {
  readonly input: Matrix;
  readonly pass: Pass;
  /** Rows that one decision is among. */
  readonly rows: number;
  readonly choosing: Exploration | RowChoice | undefined;
  readonly draws: GeneratedDraws;
  release(): void;
}

/** Throws `InputError` for samples that there cannot be, or that have no standard error. */
export function checkSamples(samples: number): void {
  if (isWhole(samples, 2)) return;
  throw new InputError(`there are ${samples} samples; expected a whole number from 2 on`);
}

/** Answers from samples of its own. */
export class Oracle {
  readonly #backend: ImmediateBackend;
  readonly #network: Network;
  readonly #seed: number;
  readonly #among: Choosing["among"] | undefined;
  /** Buffers for as many samples as were asked for last. */
  #ready: Samples | undefined;

  /** @param among what actions are chosen among; undefined: as the softmax says, without floor and mask */
  constructor(
    backend: ImmediateBackend,
    network: Network,
    seed: number,
    among: Choosing["among"] | undefined,
  ) {
    this.#backend = backend;
    this.#among = among;
    this.#network = network;
    this.#seed = seed;
  }

  /**
   * @param seen the context; or a row for every action, where they are chosen among
   * @param step decides the samples
   */
  ask(
    seen: readonly ArrayLike<number>[],
    samples: number,
    step: number,
    floor: number,
    allowed: readonly number[] | undefined,
  ): Likelihoods {
    const { layers, inputs } = this.#network;
    const S = layers.length === 1 ? 1 : samples;
    const { input, pass, choosing, draws } = this.#buffers(S, seen.length);
    for (let s = 0; s < S; s++) {
      seen.forEach((row, r) => {
        this.#backend.write(input, row, (s * seen.length + r) * inputs);
      });
      choosing?.set(s, floor, allowed);
    }
    draws.startStep(step);
    samplePass(pass, draws);
    const p = pass.exploration?.law ?? pass.layers[layers.length - 1].p;
    const law = this.#backend.readNow(p);
    const [probabilities, standardErrors]: [number[], number[]] = [[], []];
    for (let k = 0; k < p.columns; k++) {
      let [sum, squares] = [0, 0];
      for (let s = 0; s < S; s++) sum += law[s * p.columns + k];
      const mean = sum / S;
      for (let s = 0; s < S; s++) squares += (law[s * p.columns + k] - mean) ** 2;
      probabilities.push(mean);
      standardErrors.push(S === 1 ? 0 : Math.sqrt(squares / (S - 1) / S));
    }
    return { probabilities, standardErrors, samples: S };
  }

  #buffers(samples: number, rows: number): Samples {
    if (this.#ready?.rows === rows && this.#ready.input.rows === samples * rows) return this.#ready;
    this.#ready?.release();
    const scope = this.#backend.scope();
    this.#ready = scope.run(() => {
      const input = this.#backend.matrix(samples * rows, this.#network.inputs);
      const plain = createPass(this.#network, input);
      const { columns } = plain.layers[plain.layers.length - 1].p;
      const choosing =
        this.#among === "rows"
          ? new RowChoice(this.#backend, samples, rows)
          : this.#among && new Exploration(this.#backend, samples, columns);
      const pass = choosing ? explorePass(plain, choosing) : plain;
      const draws = new GeneratedDraws(this.#backend, this.#seed, "test");
      // What is taken at the first use is taken now: it belongs to the scope.
      samplePass(pass, draws);
      return { input, pass, rows, choosing, draws, release: () => scope.release() };
    });
    return this.#ready;
  }
}
