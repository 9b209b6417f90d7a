/**
 * Exploration of the last layer, one softmax unit whose choice is the action: which actions are allowed, and a floor `e`
 * under their probabilities. With `n` actions allowed and `p` the softmax over these, an action is drawn from
 *
 *     p~ = (1 - e) p + e / n.
 *
 * So it is the policy's own with probability `r = (1 - e) p_a / p~_a`, and the floor's otherwise. Both the score
 * `d ln p~_a / dl_k = r (1[k = a] - p_k)` and what another outcome of a parent would have done to `ln p~_a`,
 * `log(r e^d + 1 - r)` where it changes `ln p_a` by `d`, need no more than `r`: they are exact, and the second is at
 * most `ln(1 + (1 - e) n / e)`.
 */
import type { Backend, Matrix, Outcome } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import { independent, type Law } from "./laws.ts";
import type { Network } from "./network.ts";

/** What is added to the logit of an action that is not allowed: its probability is 0 beside any other's. */
const never = -1e30;

/** How what the last layer does becomes an action: what a pass and an estimator ask of it. */
export interface Choosing {
  /** What an action is one of: the choices of one softmax unit, or the rows of one decision. */
  readonly among: "choices" | "rows";
  /** [decisions, actions] the law that actions are drawn from; valid after `mix`. */
  readonly law: Matrix;
  /** Whether there is a floor under any decision: then there is one under every decision. */
  readonly floored: boolean;
  /** [B, 1] the policy's share in what was drawn, in logits; valid after `measure`. */
  readonly odds: Matrix;
  /** The laws of all layers of a pass. Throws `InputError` where its last layer cannot choose. */
  bind(network: Network, outcomes: readonly Outcome[]): readonly Law[];
  /** Makes logits what they are among those that may be chosen, before their sigmoid or softmax. */
  mask(logits: Matrix): void;
  /** The law that actions are drawn from, of the policy's own `p`. */
  mix(p: Matrix): void;
  /** What was the policy's share in the actions that were drawn. */
  measure(output: Outcome): void;
  /** Makes the slope of an expectation over the policy's own law that over the law that is drawn from. */
  slope(g: Matrix): void;
  /** Makes the score of the policy's own law that of the law that is drawn from. */
  score(g: Matrix): void;
}

/** Which actions each row of a batch may take, and with which floor. All, and none, until it is told. */
export class Exploration implements Choosing {
  readonly among = "choices";
  /** [B, actions] the law that actions are drawn from; valid after `mix`. */
  readonly law: Matrix;
  /** [B, 1] `r` in logits; valid after `measure`. */
  readonly odds: Matrix;
  readonly #backend: Backend;
  readonly #actions: number;
  /** [B, actions] 0, or `never`. */
  readonly #mask: Matrix;
  /** [B, actions] e / n where an action is allowed. */
  readonly #floor: Matrix;
  /** [B, 1] `r`, valid after `measure`. */
  readonly share: Matrix;
  /** [B, 1] 1 - e; ln((1 - e) n / e); `1 - r`. */
  readonly #own: Matrix;
  readonly #constant: Matrix;
  readonly #rest: Matrix;
  /** The floor of each row that has no mask. */
  readonly #last: (number | undefined)[] = [];
  #masked = false;
  #floored = false;

  /** @param actions columns of the last layer */
  constructor(backend: Backend, rows: number, actions: number) {
    const matrix = (columns: number) => backend.matrix(rows, columns);
    this.#backend = backend;
    this.#actions = actions;
    [this.law, this.#mask, this.#floor] = [matrix(actions), matrix(actions), matrix(actions)];
    [this.odds, this.#own, this.#constant, this.share, this.#rest] = Array.from({ length: 5 }, () =>
      matrix(1),
    );
    for (let row = 0; row < rows; row++) this.set(row, 0);
  }

  get floored(): boolean {
    return this.#floored;
  }

  /**
   * What a row may do, before it is sampled.
   *
   * @param floor `e`, from 0 to 1
   * @param allowed numbers of actions; absent: all
   * @throws InputError for actions that are not there, none at all, or a floor that cannot be
   */
  set(row: number, floor: number, allowed?: readonly number[]): void {
    const N = this.#actions;
    if (allowed === undefined && this.#last[row] === floor) return;
    if (!(floor >= 0 && floor <= 1)) {
      throw new InputError(`the floor is ${floor}; expected a number from 0 to 1`);
    }
    if (allowed !== undefined) checkAllowed(allowed, N);
    const n = allowed?.length ?? N;
    const mask = new Float64Array(N).fill(allowed === undefined ? 0 : never);
    const each = new Float64Array(N).fill(allowed === undefined ? floor / n : 0);
    for (const action of allowed ?? []) {
      mask[action] = 0;
      each[action] = floor / n;
    }
    this.#last[row] = allowed === undefined ? floor : undefined;
    this.#masked ||= allowed !== undefined;
    this.#floored = floor > 0;
    this.#backend.write(this.#mask, mask, row * N);
    this.#backend.write(this.#floor, each, row * N);
    this.#backend.write(this.#own, [1 - floor], row);
    // Without a policy, or without a floor, the odds are out of reach of any probability.
    const odds = Math.min(1e30, Math.max(-1e30, Math.log((1 - floor) * n) - Math.log(floor)));
    this.#backend.write(this.#constant, [odds], row);
  }

  bind({ layers, backend }: Network, outcomes: readonly Outcome[]): Law[] {
    const output = layers[layers.length - 1];
    if (output.kind !== "softmax" || output.units !== 1) {
      throw new InputError(
        `${output.name} is no single softmax unit; expected one, whose choice is the action`,
      );
    }
    return outcomes.map((outcome, index) =>
      independent(backend, index === output.index ? { ...outcome, p: this.law } : outcome),
    );
  }

  /** Takes away what is not allowed, before the softmax. */
  mask(logits: Matrix): void {
    if (this.#masked) this.#backend.addScaled(this.#mask, 1, logits);
  }

  /** The law that actions are drawn from, of the softmax `p`. */
  mix(p: Matrix): void {
    if (!this.#floored) {
      this.#backend.copy(p, this.law);
      return;
    }
    this.#backend.scaleRows(p, this.#own, this.law);
    this.#backend.addScaled(this.#floor, 1, this.law);
  }

  /** What was the policy's share in the actions that were drawn. */
  measure(output: Outcome): void {
    if (!this.#floored) return;
    this.#backend.logLikelihood(output, this.odds);
    this.#backend.addScaled(this.#constant, 1, this.odds);
    this.#backend.sigmoid(this.odds, this.share, this.#rest);
  }

  /** Makes the slope of an expectation over the softmax, [B, actions], that over the law. */
  slope(g: Matrix): void {
    if (this.#floored) this.#backend.scaleRows(g, this.#own, g);
  }

  /** Makes the score of the softmax, [B, actions], that of the law. */
  score(g: Matrix): void {
    if (this.#floored) this.#backend.scaleRows(g, this.share, g);
  }
}

/** Throws `InputError` for actions that are not there, are there twice, or none. */
export function checkAllowed(allowed: readonly number[], actions: number): void {
  const list = Array.isArray(allowed) ? allowed : [];
  const wrong = list.find((action) => !isWhole(action, 0, actions - 1));
  if (wrong !== undefined) {
    throw new InputError(`allowed has ${String(wrong)}; expected numbers of actions, 0 to ${actions - 1}`);
  }
  if (list.length === 0 || new Set(list).size !== list.length) {
    throw new InputError(`allowed is ${JSON.stringify(allowed)}; expected one or more different actions`);
  }
}
