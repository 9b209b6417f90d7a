/** Readers of JSON: a value of the kind that is expected, or an `InputError` that names it. */
import { InputError } from "../formats/errors.ts";
import { suggestion } from "../formats/nearest.ts";

/** The value in a message: JSON, cut short. */
export function show(value: unknown): string {
  if (value === undefined) return "missing";
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

export function asObject<K extends string>(value: unknown, name: string, known: readonly K[]) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new InputError(`${name} is ${show(value)}; expected an object with ${known.join(", ")}`);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key as K)) {
      throw new InputError(`${name} has an unknown key "${key}"; ${suggestion(key, known)}`);
    }
  }
  return value as Partial<Record<K, unknown>>;
}

export function asOneOf<T extends string>(value: unknown, name: string, known: readonly T[]): T {
  if (!known.includes(value as T)) {
    throw new InputError(`${name} is ${show(value)}; expected ${known.map(show).join(" or ")}`);
  }
  return value as T;
}

export function asNumber(value: unknown, name: string): number {
  if (!Number.isFinite(value)) throw new InputError(`${name} is ${show(value)}; expected a finite number`);
  return value as number;
}

export function asArray(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw new InputError(`${name} is ${show(value)}; expected an array with at least one entry`);
  }
  return value;
}

export const asNumbers = (value: unknown, name: string): number[] =>
  asArray(value, name).map((entry, i) => asNumber(entry, `${name}[${i}]`));

export const asTable = (value: unknown, name: string): number[][] =>
  asArray(value, name).map((row, r) => asNumbers(row, `${name}[${r}]`));

export function checkLength(array: readonly unknown[], name: string, length: number, why: string): void {
  if (array.length !== length) {
    throw new InputError(`${name} has ${array.length} entries; expected ${length}, ${why}`);
  }
}
