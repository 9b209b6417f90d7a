/** Options that there are not: a misspelt one would otherwise be left out in silence. */
import { InputError } from "./errors.ts";
import { suggestion } from "./nearest.ts";

/** The names of all options of a type: the compiler sees to it that none is missing, and none is too many. */
export type Names<T> = { readonly [name in keyof Required<T>]: unknown };

/** Of settings, those that have these names. */
export const pick = <T extends object>(names: Names<T>, settings: T): T =>
  Object.fromEntries(Object.keys(names).map((name) => [name, settings[name as keyof T]])) as T;

/**
 * Throws `InputError` for an option that there is not, and where the options are no object. One that is undefined counts as
 * left out.
 */
export function refuseUnknown(name: string, known: Readonly<Record<string, unknown>>, given: object): void {
  if (typeof given !== "object" || given === null) {
    throw new InputError(`the options of ${name} are ${String(given)}; expected an object`);
  }
  for (const key in given) {
    if (Object.hasOwn(known, key) || (given as Record<string, unknown>)[key] === undefined) continue;
    const names = Object.keys(known);
    const takes = names.length === 0 ? "which takes none" : suggestion(key, names);
    throw new InputError(`${key} is no option of ${name}; ${takes}`);
  }
}
