/**
 * What an audit of a known function is asked: a small network with its parameters, what it sees, and the function that it
 * is to maximise as a list of components, as JSON. A component is `eta(w . x + b)`, summed over its rows, or any function
 * at all as a table of values.
 */
import type { Baseline } from "../estimators/baseline.ts";
import { InputError } from "../formats/errors.ts";
import { isWhole } from "../formats/whole.ts";
import { networkShapes, type Units } from "../network/network.ts";
import { type AuditLayer, parseNetwork } from "./bandit-spec.ts";
import type { Setting } from "./exact.ts";
import type { LayerValues } from "./layout.ts";
import { asArray, asNumber, asNumbers, asObject, asOneOf, asTable, checkLength, show } from "./readers.ts";

/** What a linear component may make of its logits `l`, and, where it has one, of its target `t`. */
export const etas = ["identity", "square", "tanh", "log-likelihood"] as const;

/** `sum over rows of eta(w . x + b)`. Its parameters learn by their direct gradient. */
export interface LinearComponentSpec {
  name: string;
  /** What `x` is, side by side: `"input"` or layers' numbers from 0. */
  reads: readonly ("input" | number)[];
  /** [row][x] */
  weights: readonly (readonly number[])[];
  /** One a row. */
  bias: readonly number[];
  /** `l`, `l^2`, `tanh l` or, of a bit `t` with that logit, `t l - log(1 + e^l)`. */
  eta: (typeof etas)[number];
  /** Of a log-likelihood, what is predicted: the context, what a layer did, or [context][row]. */
  target?: "input" | number | readonly (readonly number[])[];
}

/** Any function of what some layers did. */
export interface TableComponentSpec {
  name: string;
  /** Layers' numbers from 0. */
  reads: readonly number[];
  /**
   * [context][outcome], an outcome being the number whose digits, the first unit's the most significant, say what each
   * unit did: 0 off, 1 on, or its choice.
   */
  values: readonly (readonly number[])[];
  /** Whether f-HNCA may not look at it unit by unit but sees one number; default false. */
  scalar?: boolean;
}

/** A function of all units of a network. */
export interface FunctionSpec {
  /** How Bernoulli units show their bit to their children. */
  units: Units;
  /** Bernoulli unless they say otherwise. */
  layers: readonly AuditLayer[];
  /** Equally likely; bits or real numbers. */
  contexts: readonly (readonly number[])[];
  /** Their sum is maximised. */
  components: readonly (LinearComponentSpec | TableComponentSpec)[];
  /** A constant that is subtracted from every layer's learning signal, where the estimator has one; default 0. */
  baseline?: number;
}

/** A checked component. */
export type FunctionComponent =
  | (Omit<LinearComponentSpec, "weights" | "bias"> & {
      readonly kind: "linear";
      readonly values: LayerValues;
    })
  | (TableComponentSpec & { readonly kind: "table" });

/** A checked `FunctionSpec`. */
export interface KnownFunction extends Setting {
  readonly components: readonly FunctionComponent[];
  readonly baseline: Baseline | undefined;
}

/** Whether a spec means to be one of a known function. */
export const looksLikeFunction = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "components" in value;

/** Checks an audit's spec. Throws an `InputError` that names the value that cannot be used. */
export function parseFunctionSpec(value: unknown): KnownFunction {
  const spec = asObject(value, "the spec", ["units", "layers", "contexts", "components", "baseline"]);
  const setting = parseNetwork(spec, "bernoulli");
  const components = asArray(spec.components, "components").map((one, i) =>
    parseComponent(one, `components[${i}]`, setting),
  );
  const baseline = spec.baseline === undefined ? undefined : asNumber(spec.baseline, "baseline");
  return { ...setting, components, baseline };
}

function parseComponent(value: unknown, at: string, setting: Setting): FunctionComponent {
  const isTable = typeof value === "object" && value !== null && "values" in value;
  const tableKeys = ["name", "reads", "values", "scalar"] as const;
  const linearKeys = ["name", "reads", "weights", "bias", "eta", "target"] as const;
  const one: Partial<Record<string, unknown>> = asObject(value, at, isTable ? tableKeys : linearKeys);
  if (typeof one.name !== "string" || one.name === "") {
    throw new InputError(`${at}.name is ${show(one.name)}; expected a name`);
  }
  const { name } = one;
  const { layers } = setting.network;
  const widths = networkShapes(setting.network).map(({ width }) => width);
  const inputs = setting.contexts[0].length;
  const asLayer = (from: unknown, place: string): number => {
    if (isWhole(from, 0, layers.length - 1)) return from;
    throw new InputError(`${place} is ${show(from)}; expected a layer's number, 0 to ${layers.length - 1}`);
  };
  const reads = asArray(one.reads, `${at}.reads`);

  if (isTable) {
    const own = reads.map((from, i) => asLayer(from, `${at}.reads[${i}]`));
    const outcomes = own.reduce((product, l) => product * (layers[l].choices ?? 2) ** layers[l].units, 1);
    const table = asTable(one.values, `${at}.values`);
    checkLength(table, `${at}.values`, setting.contexts.length, "one row for each context");
    table.forEach((row, c) => {
      checkLength(row, `${at}.values[${c}]`, outcomes, "one for each outcome of the units that it reads");
    });
    const { scalar = false } = one;
    if (typeof scalar !== "boolean") {
      throw new InputError(`${at}.scalar is ${show(scalar)}; expected true or false`);
    }
    return { kind: "table", name, reads: own, values: table, scalar };
  }

  const own = reads.map((from, i) => (from === "input" ? from : asLayer(from, `${at}.reads[${i}]`)));
  const width = own.reduce<number>((sum, from) => sum + (from === "input" ? inputs : widths[from]), 0);
  const weights = asTable(one.weights, `${at}.weights`);
  weights.forEach((row, r) => {
    checkLength(row, `${at}.weights[${r}]`, width, "one for each number that it reads");
  });
  const bias = asNumbers(one.bias, `${at}.bias`);
  checkLength(bias, `${at}.bias`, weights.length, "one for each row of weights");
  const eta = asOneOf(one.eta, `${at}.eta`, etas);
  if ((eta === "log-likelihood") !== (one.target !== undefined)) {
    const what = eta === "log-likelihood" ? "what is predicted" : `none, as ${eta} has none`;
    throw new InputError(`${at}.target is ${show(one.target)}; expected ${what}`);
  }
  const linear = { kind: "linear", name, reads: own, values: { weights, bias }, eta } as const;
  if (one.target === undefined) return linear;
  if (Array.isArray(one.target)) {
    const target = asTable(one.target, `${at}.target`);
    checkLength(target, `${at}.target`, setting.contexts.length, "one row for each context");
    target.forEach((row, c) => {
      checkLength(row, `${at}.target[${c}]`, bias.length, "one for each row of weights");
    });
    return { ...linear, target };
  }
  const target = one.target === "input" ? one.target : asLayer(one.target, `${at}.target`);
  const found = target === "input" ? inputs : widths[target];
  if (found !== bias.length) {
    throw new InputError(
      `${at}.target has ${found} numbers; expected ${bias.length}, one for each row of weights`,
    );
  }
  return { ...linear, target };
}
