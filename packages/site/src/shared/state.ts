/**
 * The state of a page, all of it in its address: `#seed=3&step=5`. What stands at its default is left out; what cannot be
 * read falls back to its default, and a note says so.
 */
import { batch, effect, type Signal, signal } from "@preact/signals";

/** One value of the state, as text in the address and as itself. */
export interface Field<T> {
  readonly default: T;
  /** What is expected, in words. */
  readonly expected: string;
  /** Undefined where the text is none. */
  read(text: string): T | undefined;
  write(value: T): string;
}

/** A number with at most so many decimals, within bounds. */
export function decimal(usual: number, from: number, to: number, digits = 2): Field<number> & Range {
  return {
    default: usual,
    from,
    to,
    digits,
    expected: `a number from ${from} to ${to}`,
    read(text) {
      if (!/^-?\d{1,12}(\.\d{1,6})?$/.test(text)) return undefined;
      const value = Number(Number(text).toFixed(digits));
      return value >= from && value <= to ? value : undefined;
    },
    write: (value) => String(Number(value.toFixed(digits))),
  };
}

/** The bounds of a number. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly digits: number;
}

/** A whole number within bounds. */
export const whole = (usual: number, from: number, to: number) => decimal(usual, from, to, 0);

/** One of a few words. */
export const oneOf = <const W extends string>(usual: NoInfer<W>, words: readonly W[]): Field<W> => ({
  default: usual,
  expected: `one of ${words.join(", ")}`,
  read: (text) => words.find((word) => word === text),
  write: (word) => word,
});

/** Numbers with at most three decimals, within bounds; as many as the default has. */
export const decimals = (usual: readonly number[], from: number, to: number): Field<readonly number[]> => {
  const one = decimal(0, from, to);
  return {
    default: usual,
    expected: `${usual.length} numbers from ${from} to ${to}, separated by commas`,
    read(text) {
      const values = text.split(",").map(one.read);
      return values.length === usual.length && !values.includes(undefined) ? (values as number[]) : undefined;
    },
    write: (values) => values.map(one.write).join(","),
  };
};

/** Names of estimators, with options if need be; whether there are such is for the library to say. */
export const estimatorNames = (usual: readonly string[], most: number): Field<readonly string[]> => ({
  default: usual,
  expected: `one to ${most} names of estimators, separated by commas`,
  read(text) {
    const found = [...new Set(text.split(","))];
    const isName = (name: string) => /^[a-z][a-z-]{0,30}(:[a-zA-Z]{1,20}=[\w.+-]{1,12}){0,4}$/.test(name);
    return found.length <= most && found.every(isName) ? found : undefined;
  },
  write: (names) => names.join(","),
});

/** Parts of the page that are not shown: a teacher's choice. */
export const hiddenParts = <const W extends string>(parts: readonly W[]): Field<readonly W[]> => ({
  default: [],
  expected: `some of ${parts.join(", ")}`,
  read(text) {
    const found = text.split(",");
    return found.every((word) => parts.includes(word as W)) ? (found as W[]) : undefined;
  },
  write: (words) => words.join(","),
});

/** Bits as hexadecimal digits, four each; empty where there are none. */
export function bits(most: number): Field<readonly number[]> {
  return {
    default: [],
    expected: `up to ${most / 4} hexadecimal digits`,
    read(text) {
      if (!new RegExp(`^[0-9a-f]{0,${most / 4}}$`).test(text)) return undefined;
      return [...text].flatMap((digit) => {
        const four = Number.parseInt(digit, 16);
        return [four >> 3, (four >> 2) & 1, (four >> 1) & 1, four & 1];
      });
    },
    write: (values) =>
      Array.from({ length: Math.ceil(values.length / 4) }, (_, i) =>
        values
          .slice(4 * i, 4 * i + 4)
          .reduce((four, bit, place) => four | (bit << (3 - place)), 0)
          .toString(16),
      ).join(""),
  };
}

type ValueOf<F> = F extends Field<infer T> ? T : never;

/** A page's state: a signal for each field. */
export type State<F> = {
  readonly values: { readonly [K in keyof F]: Signal<ValueOf<F[K]>> };
  /** What of the address could not be used. */
  readonly notes: Signal<readonly string[]>;
  /** The whole state, as it stands behind the address's `#`. */
  readonly text: () => string;
  reset(): void;
};

/** Reads an address's hash; never throws, whatever stands there. */
export function readHash<F extends object>(
  fields: F,
  hash: string,
): { values: { [K in keyof F]: ValueOf<F[K]> }; notes: string[] } {
  const notes: string[] = [];
  const known = fields as unknown as Record<string, Field<unknown>>;
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(known)) values[name] = field.default;
  // Nobody writes so much by hand, and no page of ours.
  if (hash.length > 4000)
    return { values: values as never, notes: ["The address is too long to be one of ours."] };
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(known, name)) {
      notes.push(`The address says ${quoted(name)}, which this page does not know.`);
      continue;
    }
    const value = known[name].read(text);
    if (value === undefined) {
      const usual = known[name].write(known[name].default);
      notes.push(
        `The address says ${quoted(text)} for ${name}; expected ${known[name].expected}. Here it is ${usual || "nothing"}.`,
      );
    } else values[name] = value;
  }
  return { values: values as never, notes: notes.slice(0, 5) };
}

const quoted = (text: string) => `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;

/** Opens the state that the page's address holds, and keeps the address up to date. */
export function openState<F extends object>(fields: F): State<F> {
  const known = fields as unknown as Record<string, Field<unknown>>;
  const found = readHash(fields, location.hash);
  const values = Object.fromEntries(
    Object.entries(found.values).map(([name, value]) => [name, signal(value)]),
  ) as Record<string, Signal<unknown>>;
  const notes = signal<readonly string[]>(found.notes);
  const text = () => {
    const said = Object.entries(known)
      .map(([name, field]): [string, string] => [name, field.write(values[name].value)])
      .filter(([name, written]) => written !== known[name].write(known[name].default));
    return new URLSearchParams(said).toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  };
  const show = (all: Record<string, unknown>) =>
    batch(() => {
      for (const [name, value] of Object.entries(all)) values[name].value = value;
    });

  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const said = text();
    clearTimeout(timer);
    // Browsers refuse more than a hundred changes in half a minute.
    timer = setTimeout(() => {
      if (said !== location.hash.slice(1)) history.replaceState(null, "", `#${said}`);
    }, 400);
  });
  addEventListener("hashchange", () => {
    const again = readHash(fields, location.hash);
    notes.value = again.notes;
    show(again.values as Record<string, unknown>);
  });
  return {
    values: values as never,
    notes,
    text,
    reset() {
      notes.value = [];
      show(Object.fromEntries(Object.entries(known).map(([name, field]) => [name, field.default])));
    },
  };
}
