/** Text from elsewhere on its way to a terminal or a log: nothing in it moves the cursor, rings, or begins a new line. */
import { stripVTControlCharacters } from "node:util";

/** One line: what a terminal would obey is gone, line breaks and other control characters are spaces. */
export const oneLine = (text: string): string =>
  stripVTControlCharacters(text).replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ");

/** The same, line by line. */
export const plainLines = (text: string): string => text.split(/\r?\n/).map(oneLine).join("\n");
