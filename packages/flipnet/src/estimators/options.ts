/**
 * Options as data, those of an estimator, a task's or an optimizer's: each is described once, and from that come its
 * type, the checks in the library, the settings of a run, the command line's syntax and help, and the row in the docs.
 */
import { InputError } from "../formats/errors.ts";
import { refuseUnknown } from "../formats/options.ts";
import { isWhole } from "../formats/whole.ts";

/** What an estimator, a task or an optimizer can be told. */
export interface Option<T = unknown> {
  /** How it is written: where somebody types it, `16,16` may be a word or two numbers. */
  readonly kind: "switch" | "word" | "number" | "numbers";
  /** All words that it can be, of a word. */
  readonly words?: readonly string[];
  /** What holds where nobody says otherwise; undefined: nothing. */
  readonly default: T;
  /** `"a whole number from 2 on"`: it ends the sentence about a value that cannot be used. */
  readonly expected: string;
  /** What it does, in one sentence. */
  readonly says: string;
  /** Whether a value can be used. */
  accepts(value: unknown): boolean;
  /** It counts only where other options have these values. */
  readonly when?: Readonly<Record<string, unknown>>;
}

/** The same option, which counts only where others have these values; elsewhere it is undefined. */
export const only = <T>(when: Readonly<Record<string, unknown>>, option: Option<T>): Option<T> => ({
  ...option,
  when,
});

/** Throws `InputError` for the first value that cannot be used. */
export function checkValues(described: Options, given: Readonly<Record<string, unknown>>): void {
  for (const [key, { accepts, expected }] of Object.entries(described)) {
    const value = given[key];
    if (value === undefined || accepts(value)) continue;
    throw new InputError(`${key} is ${show(value)}; expected ${expected}`);
  }
}

/** Options by name. */
export type Options = Readonly<Record<string, Option>>;

/** The values of options, all of them. */
export type ValuesOf<O extends Options> = { readonly [Name in keyof O]: O[Name]["default"] };

/** Values of some of them; undefined counts as left out. */
export type GivenOptions<O extends Options> = { readonly [Name in keyof O]?: ValuesOf<O>[Name] | undefined };

type Unsaid = undefined;

/** True or false. */
export const flag = ({ default: usual, says }: { default: boolean; says: string }): Option<boolean> => ({
  kind: "switch",
  default: usual,
  expected: "true or false",
  says,
  accepts: (value) => typeof value === "boolean",
});

/** True, or left out. */
export const optionalFlag = ({ says }: { says: string }): Option<boolean | Unsaid> => ({
  ...flag({ default: false, says }),
  default: undefined,
});

/** One of some words. */
export const oneOf = <const Word extends string>(
  words: readonly Word[],
  { default: usual, says }: { default: NoInfer<Word>; says: string },
): Option<Word> => ({
  kind: "word",
  words,
  default: usual,
  expected: `one of ${words.join(", ")}`,
  says,
  accepts: (value) => words.includes(value as Word),
});

/** One of some words, or left out. */
export const optionalOneOf = <const Word extends string>(
  words: readonly Word[],
  { says }: { says: string },
): Option<Word | Unsaid> => ({ ...oneOf(words, { default: words[0], says }), default: undefined });

/** A whole number. */
export const count = <Default extends number | Unsaid>({
  least,
  most = Number.MAX_SAFE_INTEGER,
  step = 1,
  default: usual,
  says,
  expected = `a whole number from ${least} ${most < Number.MAX_SAFE_INTEGER ? `to ${most}` : "on"}${step > 1 ? `, a multiple of ${step}` : ""}`,
}: {
  least: number;
  most?: number;
  /** What it must be a multiple of. */
  step?: number;
  default: Default;
  says: string;
  expected?: string;
}): Option<number | Default> => ({
  kind: "number",
  default: usual,
  expected,
  says,
  accepts: (value) => isWhole(value, least, most) && value % step === 0,
});

/** A list of whole numbers from 1 on. */
export const counts = ({
  expected,
  says,
}: {
  expected: string;
  says: string;
}): Option<readonly number[] | Unsaid> => ({
  kind: "numbers",
  default: undefined,
  expected,
  says,
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every((one) => isWhole(one, 1)),
});

/** A number from `from` to `to`, or below `below`. */
export function number<Default extends number | Unsaid>({
  from,
  to = Infinity,
  below = Infinity,
  default: usual,
  says,
}: {
  from: number;
  to?: number;
  below?: number;
  default: Default;
  says: string;
}): Option<number | Default> {
  const upTo = to < Infinity ? ` to ${to}` : below < Infinity ? ` on, below ${below}` : " on";
  return {
    kind: "number",
    default: usual,
    expected: `a number from ${from}${upTo}`,
    says,
    accepts: (value) =>
      typeof value === "number" && Number.isFinite(value) && value >= from && value <= to && value < below,
  };
}

/** A positive number. */
export const positive = ({ default: usual, says }: { default: number; says: string }): Option<number> => ({
  kind: "number",
  default: usual,
  expected: "a positive number",
  says,
  accepts: (value) => typeof value === "number" && Number.isFinite(value) && value > 0,
});

/** A number, or one a layer, input side first: all of them positive or, where `zero`, from 0 on. */
export function perLayer<Default extends number | Unsaid>({
  zero = false,
  default: usual,
  says,
}: {
  zero?: boolean;
  default: Default;
  says: string;
}): Option<number | readonly number[] | Default> {
  return {
    kind: "numbers",
    default: usual,
    expected: `${zero ? "a number from 0 on" : "a positive number"}, or a list of them, one for each layer`,
    says,
    accepts: (value) => {
      const list = [value].flat();
      return (
        list.length > 0 &&
        list.every((one) => typeof one === "number" && Number.isFinite(one) && (zero ? one >= 0 : one > 0))
      );
    },
  };
}

/** A rate, or one a layer, input side first. */
export const rates = ({ says }: { says: string }): Option<number | readonly number[] | Unsaid> =>
  perLayer({ default: undefined, says });

/**
 * All of somebody's options: those given, and the defaults. A value that is undefined counts as left out.
 *
 * @throws InputError for an option that it does not take, or a value that cannot be used
 */
export function completeOptions<O extends Options>(
  name: string,
  described: O,
  given: Readonly<Record<string, unknown>>,
): ValuesOf<O> {
  const names = Object.keys(described);
  refuseUnknown(name, described, given);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!described[key].accepts(value)) {
      throw new InputError(`${key} of ${name} is ${show(value)}; expected ${described[key].expected}`);
    }
  }
  const values: Record<string, unknown> = {};
  for (const key of names) values[key] = given[key] ?? described[key].default;
  for (const key of names) {
    for (const [other, needed] of Object.entries(described[key].when ?? {})) {
      if (values[other] === needed) continue;
      if (given[key] !== undefined) {
        throw new InputError(
          `${key} of ${name} is ${show(given[key])}, and counts only where ${other} is ${needed}; it is ${show(values[other])}`,
        );
      }
      values[key] = undefined;
    }
  }
  return values as ValuesOf<O>;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show)}]`;
  const isText = typeof value === "string" || (typeof value === "object" && value !== null);
  return isText ? JSON.stringify(value) : String(value);
}

/** An estimator's name, and what it is told. */
export interface NamedOptions {
  readonly name: string;
  readonly [option: string]: unknown;
}

/**
 * The estimator that a text names, `reinforce-loo:samples=4` or `weight-max:hiddenRule=reward-penalty:lambda=0.1`;
 * numbers of a list stand between slashes. What the options may be, the estimator says.
 *
 * @throws InputError for a text without a name, or an option without a value or given twice
 */
export function parseEstimatorText(text: string): NamedOptions {
  const parts = text.split(/:(?=[^:=]*(?:=|$))/);
  const [name, ...pairs] = parts;
  if (name === "") throw new InputError(`"${text}" names no estimator; expected NAME or NAME:OPTION=VALUE`);
  const options: Record<string, unknown> = {};
  for (const pair of pairs) {
    const [, key, value] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    if (key === undefined) {
      throw new InputError(`"${pair}" in "${text}" sets no option; expected OPTION=VALUE`);
    }
    if (Object.hasOwn(options, key) || key === "name") {
      throw new InputError(`"${text}" sets ${key} twice; expected each option once`);
    }
    options[key] = settingOf(value);
  }
  return { name, ...options };
}

function settingOf(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  const numbers = text.split("/").map(Number);
  if (numbers.some(Number.isNaN)) return text;
  return numbers.length === 1 ? numbers[0] : numbers;
}

/** The text that names an estimator: `parseEstimatorText` reads it. */
export function estimatorText({ name, ...options }: NamedOptions): string {
  const pairs = Object.entries(options).filter(([, value]) => value !== undefined);
  return [name, ...pairs.map(([key, value]) => `${key}=${[value].flat().join("/")}`)].join(":");
}
