/**
 * What a network maximises: the expectation of a sum of *function components* (HNCA paper, section 2). A component
 * reads the bits of some layers; where it stands in the graph, seen from a layer, decides how it is credited.
 */
import type { Matrix } from "../backend/backend.ts";
import { InputError } from "../formats/errors.ts";
import type { FrontEnd, FrontPass } from "../front-ends/front-end.ts";
import { descendants, type Edge, type Layer, type Linear } from "../network/network.ts";
import type { Credit, Pass } from "../network/pass.ts";
import type { Weight } from "./weighted.ts";

/** A component on one pass. */
export interface Component {
  readonly name: string;
  /** Numbers of the layers whose bits it reads. */
  readonly reads: readonly number[];
  /** [B, 1] its value on each example, valid after `evaluate` (or, for a reward, once the caller has filled it). */
  readonly value: Matrix;
  /** [B, 1] the value as if it counted whole, where it counts by a weight. */
  readonly unweighted?: Matrix;
  evaluate(): void;
  /** Whether the caller fills in `value`, the function being unknown: it cannot be evaluated at other samples. */
  readonly observed?: true;
  /**
   * For a layer in `reads`: what each of its units is worth, everything else being as it was, [B, width]. Of a Bernoulli
   * unit `out += f(on) - f(off)`; of a softmax unit, for each choice, `out += f(that choice) - f(the choice made)`.
   * Absent where the function is not known, or has to be credited as one number.
   */
  addDifferences?(layer: Layer, out: Matrix): void;
  /**
   * For a layer in `reads`: `out += df/dm`, `m` from 0 to 1 in place of each bit that it reads, everything else being as the
   * pass shows it, bits or means; [B, width]. Of a softmax unit's choices up to a constant a unit. Absent: not known.
   */
  addSlopes?(layer: Layer, out: Matrix): void;
  /** Its second derivatives, where they are known; for {0,1} and {-1,+1} units alike by what goes from 0 to 1. */
  readonly curvature?: Curvature;
  /**
   * The layer in whose bits it is linear, the coefficients being linear in what stands behind these edges: a decoder that
   * predicts it; by the edges' weights times `weight`. What the coefficients are, `addDifferences` says. Absent: none.
   */
  readonly linearIn?: {
    readonly layer: number;
    readonly parents: readonly Edge[];
    readonly weight: Readonly<Weight>;
  };
  /** Whether it is a function of a layer's law, an entropy say, and not only of what was drawn. */
  readonly ofLaw?: true;
}

/** A component's second derivatives where the pass stands, once it is evaluated. */
export interface Curvature {
  /**
   * For a layer in `reads`: `out +=` the change of its slopes as what layers show moves by `directions` (by number; absent:
   * not at all), to first order: a Hessian-vector product. All [B, width].
   */
  addSlopeChanges(layer: Layer, directions: readonly (Matrix | undefined)[], out: Matrix): void;
  /** `out += d^2 f / dm^2` of each of the layer's units, [B, width]. */
  addDiagonal(layer: Layer, out: Matrix): void;
}

/** An objective on one pass: its components, and the gradients that need no estimator. */
export interface Evaluation {
  readonly components: readonly Component[];
  /** `g += df/dl`: how components depend directly on a layer's own logits; [B, width]. */
  addDirectGradient(layer: Layer, g: Matrix): void;
  /** The same with what has the mean 0, and so counts only under weights: of `-log q` of what was drawn. Absent: nothing. */
  addLogitSlopes?(layer: Layer, g: Matrix): void;
  /** Credits of the objective's own linear maps, valid after `differentiate`, all components being evaluated. */
  readonly credits: readonly Credit[];
  /** Its differentiable networks on this pass; their gradients are valid after `differentiate`. Absent: none. */
  readonly fronts?: readonly FrontPass[];
  /** `weights` [B, 1]: what each row counts; default 1. */
  differentiate(weights?: Matrix): void;
}

/** What is maximised: the expectation of a sum of components. */
export interface Objective {
  /** Parameters of its own: a decoder, a prior. */
  readonly linears: readonly Linear[];
  /** Differentiable networks of its own: a nonlinear decoder. Absent: none. */
  readonly fronts?: readonly FrontEnd[];
  /** Buffers for one pass. */
  prepare(pass: Pass): Evaluation;
}

/**
 * The sum of objectives, as one: components of several kinds side by side. Components are told apart by their names:
 * two of one name are an `InputError` where the sum is prepared.
 */
export function sumOf(...objectives: readonly Objective[]): Objective {
  return {
    linears: objectives.flatMap(({ linears }) => linears),
    fronts: objectives.flatMap(({ fronts = [] }) => fronts),
    prepare(pass) {
      const parts = objectives.map((objective) => objective.prepare(pass));
      const components = parts.flatMap((part) => part.components);
      const names = components.map(({ name }) => name);
      const twice = names.find((name, i) => names.indexOf(name) < i);
      if (twice !== undefined) throw new InputError(`two components of the objective are called "${twice}"`);
      return {
        components,
        credits: parts.flatMap(({ credits }) => credits),
        fronts: parts.flatMap(({ fronts = [] }) => fronts),
        addDirectGradient(layer, g) {
          for (const part of parts) part.addDirectGradient(layer, g);
        },
        addLogitSlopes(layer, g) {
          for (const part of parts) part.addLogitSlopes?.(layer, g);
        },
        differentiate(weights) {
          for (const part of parts) part.differentiate(weights);
        },
      };
    },
  };
}

/** "layer 0, layer 2", "no layer": what a component says that it reads. */
export const layersRead = ({ reads }: Pick<Component, "reads">): string =>
  reads.length === 0 ? "no layer" : reads.map((index) => `layer ${index}`).join(", ");

/** "unit 3 of layer 0", the unit in whose columns element `e` lies; both count from 0. */
export const unitOf = ({ index, width, choices }: Layer, e: number): string =>
  `unit ${Math.floor((e % width) / choices)} of layer ${index}`;

/**
 * Where a component stands, seen from a layer: it reads the layer's bits (`direct`), those of layers downstream of it
 * (`mediated`), `both`, or neither (`upstream`: the layer cannot influence it).
 */
export type Place = "upstream" | "direct" | "mediated" | "both";

/** The place of a component, from the layers that it reads. */
export function placeOf(component: Pick<Component, "reads">, layer: Layer): Place {
  const direct = component.reads.includes(layer.index);
  const mediated = childrenTowards(component, layer).length > 0;
  return direct ? (mediated ? "both" : "direct") : mediated ? "mediated" : "upstream";
}

/**
 * The children of a layer that lead to a component: it reads them, or something downstream of them (HNCA paper,
 * footnote 6: `ch^i`).
 */
export const childrenTowards = (
  { reads }: Pick<Component, "reads">,
  { children }: Layer,
): Layer["children"] =>
  children.filter(({ layer }) => {
    const below = descendants(layer);
    return reads.some((index) => index === layer.index || below.has(index));
  });
