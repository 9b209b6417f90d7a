/**
 * What an estimator needs and what a task offers: the one place that says why they do not fit. No estimator names a
 * task, and no task an estimator.
 */
import { InputError } from "../formats/errors.ts";
import type { Network } from "../network/network.ts";
import { type Component, layersRead } from "../objectives/objective.ts";

/**
 * What can be known of an objective: the `"reward"` of what the last layer did, and nothing else; its `"components"`,
 * as functions of the layers that they read; its values at other samples, `"evaluations"`; its `"slopes"`.
 */
export type Knowledge = "reward" | "components" | "evaluations" | "slopes";

/** What an estimator asks for. */
export interface Needs {
  /** Of the objective: all of these. None: whatever it is, one number for what was done is enough. */
  readonly knows: readonly Knowledge[];
  /** Which units must be Bernoulli; absent: none. */
  readonly bernoulli?: "all" | "hidden";
  /** Of every component: what each unit that it reads is worth to it. */
  readonly differences?: true;
  /** The network must be one unit that chooses between two actions. */
  readonly singleUnit?: true;
}

const words: Record<Knowledge, string> = {
  reward: "the last layer's reward",
  components: "a known function",
  evaluations: "a known function, evaluated on other samples",
  slopes: "its slopes",
};

/** In words: `"a known function, evaluated on other samples; Bernoulli units"`. */
export function describeNeeds({ knows, bernoulli, singleUnit }: Needs): string {
  // What can be evaluated on other samples is a known function.
  const said = knows.filter((one) => one !== "components" || !knows.includes("evaluations"));
  const objective =
    said.length === 0 ? "a reward or a known function" : said.map((one) => words[one]).join(", ");
  const units = { all: "; Bernoulli units", hidden: "; Bernoulli hidden units" };
  return `${objective}${bernoulli === undefined ? "" : units[bernoulli]}${singleUnit ? "; one unit, two actions" : ""}`;
}

interface Asking {
  readonly name: string;
  readonly needs: Needs;
}

/** Why an estimator cannot serve where so much is known of the objective; undefined where it can. */
export function misfit({ name, needs }: Asking, offers: readonly Knowledge[]): string | undefined {
  const missing = needs.knows.find((one) => !offers.includes(one));
  if (missing === undefined) return undefined;
  return `${name} needs ${words[missing]}, which is not to be had here`;
}

/** Throws `InputError` where a network has units that an estimator does not serve. */
export function checkNetwork({ name, needs }: Asking, { layers }: Network): void {
  const { bernoulli, singleUnit } = needs;
  if (singleUnit) {
    const [unit] = layers;
    const found =
      layers.length > 1
        ? `the network has ${layers.length} layers`
        : unit.units > 1
          ? `the network has ${unit.units} of them`
          : unit.choices > 2
            ? `it has ${unit.choices} actions`
            : undefined;
    if (found !== undefined) {
      throw new InputError(`${name} is a rule for one unit with two actions; ${found}`);
    }
  }
  if (bernoulli === undefined) return;
  const asked = bernoulli === "all" ? layers : layers.slice(0, -1);
  const softmax = asked.find(({ kind }) => kind === "softmax");
  if (softmax === undefined) return;
  const which = bernoulli === "all" ? "Bernoulli units" : "Bernoulli hidden units";
  throw new InputError(`${name} needs ${which}, and ${softmax.name} is softmax`);
}

/** Throws `InputError` where an objective's components are not what an estimator needs. */
export function checkComponents(
  { name, needs: { knows, singleUnit, differences } }: Asking,
  { layers }: Network,
  components: readonly Component[],
): void {
  if (knows.includes("reward")) {
    const output = layers.length - 1;
    const other = components.find(({ reads }) => reads.length !== 1 || reads[0] !== output);
    if (other !== undefined) {
      throw new InputError(
        `${name} learns from what the last layer earns, and the component "${other.name}" reads ${layersRead(other)}; f-hnca takes any function`,
      );
    }
  }
  if (singleUnit && components.length !== 1) {
    const names = components.map((component) => `"${component.name}"`).join(", ");
    throw new InputError(`${name} learns from one reward, and the objective has the components ${names}`);
  }
  if (differences) {
    const whole = components.find(({ reads, addDifferences }) => reads.length > 0 && !addDifferences);
    if (whole !== undefined) {
      throw new InputError(
        `"${whole.name}" is one number, and ${name} asks what each unit is worth to it; f-hnca takes any function`,
      );
    }
  }
  if (knows.includes("slopes")) {
    const unknown = components.find(({ reads, addSlopes }) => reads.length > 0 && addSlopes === undefined);
    if (unknown !== undefined) {
      throw new InputError(`"${unknown.name}" does not say its slopes, which ${name} needs`);
    }
  }
  if (knows.includes("evaluations")) {
    const observed = components.find((component) => component.observed);
    if (observed !== undefined) {
      throw new InputError(
        `"${observed.name}" was observed on one sample; ${name} needs a function that can be evaluated on others`,
      );
    }
  }
}
