/** What lists do not do by themselves on every Node. */

/** The values, each once, in the order in which they come. */
export const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** The values by what `keyOf` says of them, in the order in which they come. */
export function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

/** As few chunks of at most so many values as there can be, of about the same size. */
export function chunks<T>(values: readonly T[], most: number): T[][] {
  const count = Math.ceil(values.length / most);
  const size = Math.ceil(values.length / count);
  return Array.from({ length: count }, (_, i) => values.slice(i * size, (i + 1) * size));
}

/** The largest of any number of values; `Math.max` takes only so many. */
export const largest = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.max(a, b), -Infinity);

/** A text in lines of at most so many characters. */
export function wrapped(text: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + word.length < most) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
