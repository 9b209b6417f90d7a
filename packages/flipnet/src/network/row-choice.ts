/**
 * A choice among rows: actions that are told by features. Each row of a batch is one action of one decision, a network with
 * a single unit at its end scores it, and one row of a decision is chosen by the softmax over the scores `s` of its rows. So
 * decisions may have as many actions as they like, and actions that were never seen are scored by what they are like.
 *
 * Coins are those of a row: of all that was drawn for a decision, its own score alone depends on them. Of that score, the
 * choice is a coin: with `pi_k` the softmax and
 *
 *     l_k = s_k - log sum_{m != k} e^(s_m),      pi_k = sigmoid(l_k),
 *
 * row `k` is chosen with probability `pi_k`, and where it is not, how the others share the rest does not depend on
 * `s_k`. So the last layer is a Bernoulli unit with logit `l_k`, whose bit says whether its row was chosen: its score
 * and the messages to the coins are those of any Bernoulli unit. Only its outcomes are drawn together.
 *
 * All rows share their parameters, and no parameter can be said to belong to one unit. That HNCA has no more variance than
 * REINFORCE holds here all the same, without a floor whatever the number of rows: the log of the softmax has
 * `d2 / ds_j ds_k = pi_j pi_k > 0`, so what HNCA leaves out is never positively correlated between rows. Of units that share
 * parameters in other ways it need not hold.
 */
import type { Backend, Indices, Matrix, Outcome } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import { type Choosing, Exploration } from "./exploration.ts";
import { independent, type Law } from "./laws.ts";
import type { Network } from "./network.ts";

/** Decisions of `actions` rows each, one after the other. */
export class RowChoice implements Choosing {
  readonly among = "rows";
  readonly odds: Matrix;
  readonly #backend: Backend;
  readonly #decisions: number;
  readonly #actions: number;
  /** Of decisions: [decisions, actions]. */
  readonly #choice: Exploration;
  /** [B, 1] what the network says of each row. */
  readonly #scores: Matrix;
  /** The policy's share in each row's decision. */
  readonly #share: Matrix;
  /** Which decision a row is of. */
  readonly #of: Indices;
  /** What has a row for each action, with one for each decision. */
  readonly #views = new Map<Matrix, Matrix>();
  /** Last layers by decisions, their logits being the scores. */
  readonly #outputs = new Map<Outcome, Outcome>();

  /** @param actions rows of each decision */
  constructor(backend: Backend, decisions: number, actions: number) {
    const rows = decisions * actions;
    this.#backend = backend;
    this.#decisions = decisions;
    this.#actions = actions;
    this.#choice = new Exploration(backend, decisions, actions);
    this.#scores = backend.matrix(rows, 1);
    this.odds = backend.matrix(rows, 1);
    this.#share = backend.matrix(rows, 1);
    this.#of = backend.indices(rows);
    backend.writeIndices(
      this.#of,
      Array.from({ length: rows }, (_, row) => Math.floor(row / actions)),
    );
  }

  get law(): Matrix {
    return this.#choice.law;
  }

  get floored(): boolean {
    return this.#choice.floored;
  }

  /**
   * Under which floor a decision is made, before it is sampled.
   *
   * @throws InputError for a floor that cannot be
   */
  set(decision: number, floor: number): void {
    this.#choice.set(decision, floor);
  }

  /** The coins of a decision are drawn together, as what it is about is. */
  bind({ layers }: Network, outcomes: readonly Outcome[]): Law[] {
    const output = layers[layers.length - 1];
    if (output.kind !== "bernoulli" || output.units !== 1) {
      throw new InputError(`${output.name} is no single Bernoulli unit; expected one, which scores a row`);
    }
    return outcomes.map((outcome, index) => {
      if (index === output.index) {
        return independent(this.#backend, { ...this.#choiceOf(outcome), p: this.law });
      }
      const { logits, p, q, bits } = outcome;
      const [l, on, off, done] = [logits, p, q, bits].map((m) => this.#together(m));
      return independent(this.#backend, { ...outcome, logits: l, p: on, q: off, bits: done });
    });
  }

  #together(m: Matrix): Matrix {
    const view = this.#views.get(m) ?? this.#backend.view(m, 0, this.#decisions, this.#actions * m.columns);
    this.#views.set(m, view);
    return view;
  }

  #choiceOf(output: Outcome): Outcome {
    let choice = this.#outputs.get(output);
    if (choice === undefined) {
      const [logits, p, bits] = [this.#scores, output.p, output.bits].map((m) => this.#together(m));
      choice = { kind: "softmax", choices: this.#actions, logits, p, q: p, bits };
      this.#outputs.set(output, choice);
    }
    return choice;
  }

  /** Scores become the log odds of each row against the others of its decision. */
  mask(logits: Matrix): void {
    this.#backend.copy(logits, this.#scores);
    this.#backend.choiceOdds(this.#together(this.#scores), this.#actions, this.#together(logits));
  }

  mix(p: Matrix): void {
    this.#choice.mix(this.#together(p));
  }

  measure(output: Outcome): void {
    if (!this.floored) return;
    this.#choice.measure(this.#choiceOf(output));
    this.#backend.gatherRows(this.#choice.odds, this.#of, 0, this.odds);
    this.#backend.gatherRows(this.#choice.share, this.#of, 0, this.#share);
  }

  /** What is known of every action is the rows' to say, and nothing does. */
  slope(): void {
    throw new TypeError("a choice among rows has no slope of its own");
  }

  score(g: Matrix): void {
    if (this.floored) this.#backend.scaleRows(g, this.#share, g);
  }
}
