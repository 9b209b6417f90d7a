/**
 * Stochastic units as ONNX operations: from logits to what the units do, in one of three ways, and what that is worth as
 * a log-likelihood. Draws are those of `sampleFrom`: on where `u < p`, the choice whose stretch of [0, 1) holds `u`.
 */
import type { Coding } from "flipnet/internal/backend/backend";
import type { Layer } from "flipnet/internal/network/network";
import { threefry } from "flipnet/internal/random/threefry";
import type { OnnxAttribute } from "../formats/onnx.ts";
import { GraphBuilder, type Value } from "./builder.ts";

/**
 * Where a graph's draws come from. `"sample"`: the runtime's own random numbers. `"noise"`: uniform numbers that whoever
 * runs it gives, so that all of it is a function. `"mean-field"`: nothing is drawn, and probabilities stand in place of
 * outcomes; that is deterministic, but not what the network does on average.
 */
export const graphKinds = ["sample", "noise", "mean-field"] as const;
export type GraphKind = (typeof graphKinds)[number];

export interface DrawOptions {
  graph: GraphKind;
  /** Of a graph that samples: makes a session repeat what another drew, as far as the runtime does that. */
  seed?: number | undefined;
  /** Of a graph that samples: the `Bernoulli` operation in place of a comparison; see docs/export.md. */
  bernoulliOp?: boolean | undefined;
}

/** Units that are drawn together; `name` says which, in the names of values and of the noise. */
export interface Units extends Pick<Layer, "kind" | "units" | "choices"> {
  name: string;
}

/** What units did. */
export interface Drawn {
  /** Bits [batch, width], one-hot for softmax units; in a mean-field graph their probabilities. */
  bits: Value;
  /** [batch, units] numbers of the choices that softmax units made; where something was drawn. */
  choices?: Value;
}

/** A graph in which units are drawn. */
export class UnitsBuilder extends GraphBuilder {
  readonly #options: DrawOptions;
  /** Layers that were drawn: each has a random stream of its own. */
  #drawn = 0;

  constructor(options: DrawOptions) {
    super();
    this.#options = options;
  }

  get kind(): GraphKind {
    return this.#options.graph;
  }

  /** Probabilities [batch, units, choices] of softmax units, [batch, units] of others. */
  probabilities(units: Units, logits: Value): Value {
    const { name, kind } = units;
    if (kind === "bernoulli") return this.apply("Sigmoid", name, [logits]);
    return this.apply("Softmax", name, [this.byUnit(units, logits)], { axis: { int: 2 } });
  }

  /** [batch, units, choices] of [batch, width]. */
  byUnit({ name, units, choices }: Units, values: Value): Value {
    return this.apply("Reshape", name, [values, this.ints([0, units, choices])]);
  }

  /** What units with these probabilities do. */
  draw(units: Units, p: Value): Drawn {
    return units.kind === "bernoulli" ? { bits: this.drawBits(units, p) } : this.#drawChoices(units, p);
  }

  /** 1 where `u < p`, else 0. */
  drawBits(units: Units, p: Value): Value {
    const { name } = units;
    const { graph, bernoulliOp } = this.#options;
    if (graph === "mean-field") return p;
    if (graph === "sample" && bernoulliOp) return this.apply("Bernoulli", name, [p], this.#seed());
    const on = this.apply("Less", name, [this.#uniforms(units, p), p]);
    return this.apply("Cast", name, [on], { to: { type: "float" } });
  }

  /** Inverse of the cumulative distribution: the first choice up to which there is more than `u`. */
  #drawChoices(units: Units, p: Value): Drawn {
    const { name, choices } = units;
    const width = units.units * choices;
    const flat = (values: Value) => this.apply("Reshape", name, [values, this.ints([0, width])]);
    if (this.kind === "mean-field") return { bits: flat(p) };
    const upTo = this.apply("CumSum", name, [p, this.ints(2)]);
    const all = this.apply("Gather", name, [upTo, this.ints([choices - 1])], { axis: { int: 2 } });
    const u = this.#uniforms(units, all);
    const above = this.apply("Less", name, [u, upTo]);
    // Where rounding leaves less than `u` in all: the choice at which that is reached.
    const last = this.apply("GreaterOrEqual", name, [upTo, all]);
    const reached = this.apply("Cast", name, [this.apply("Or", name, [above, last])], {
      to: { type: "float" },
    });
    const chosen = this.apply("ArgMax", name, [reached], { axis: { int: 2 }, keepdims: { int: 0 } });
    const oneHot = this.apply("OneHot", name, [chosen, this.ints(choices), this.floats([0, 1])]);
    return { bits: flat(oneHot), choices: chosen };
  }

  /** One uniform number a unit, in the shape of `like`. */
  #uniforms({ name, kind, units }: Units, like: Value): Value {
    if (this.kind === "sample") return this.apply("RandomUniformLike", name, [like], this.#seed());
    const u = this.input(
      `noise.${name}`,
      "float",
      ["batch", units],
      `Uniform numbers in [0, 1), one for each unit of ${name}.`,
    );
    return kind === "bernoulli" ? u : this.apply("Unsqueeze", name, [u, this.ints([2])]);
  }

  /** One a layer, below 2^24, as it is a float: alike ones would make layers' noise alike. */
  #seed(): Record<string, OnnxAttribute> {
    const { seed } = this.#options;
    if (seed === undefined) return {};
    const key = { k0: seed >>> 0, k1: Math.floor(seed / 2 ** 32) };
    return { seed: { float: threefry(key, this.#drawn++, 0, key).k0 >>> 8 } };
  }

  /** What units show their children. */
  shown(name: string, bits: Value, coding: Coding): Value {
    if (coding !== "plus-minus") return bits;
    const twice = this.apply("Mul", name, [bits, this.floats(2)]);
    return this.apply("Sub", name, [twice, this.floats(1)]);
  }

  /** log P(bits), [batch]: of all the units together. */
  logLikelihood(units: Units, logits: Value, bits: Value): Value {
    const { name, kind } = units;
    const sum = (values: Value, axes: number[]) =>
      this.apply("ReduceSum", name, [values, this.ints(axes)], { keepdims: { int: 0 } });
    if (kind === "bernoulli") {
      const chosen = this.apply("Mul", name, [bits, logits]);
      return sum(this.apply("Sub", name, [chosen, this.apply("Softplus", name, [logits])]), [1]);
    }
    const logs = this.logProbabilities(units, logits);
    return sum(this.apply("Mul", name, [this.byUnit(units, bits), logs]), [1, 2]);
  }

  /** Of each choice, [batch, units, choices]; of Bernoulli units [batch, units, 2], off and on. */
  logProbabilities(units: Units, logits: Value): Value {
    const { name, kind } = units;
    if (kind === "softmax") {
      return this.apply("LogSoftmax", name, [this.byUnit(units, logits)], { axis: { int: 2 } });
    }
    const l = this.apply("Unsqueeze", name, [logits, this.ints([2])]);
    const negative = this.apply("Neg", name, [l]);
    const logs = [l, negative].map((x) => this.apply("Neg", name, [this.apply("Softplus", name, [x])]));
    return this.apply("Concat", name, logs, { axis: { int: 2 } });
  }
}
