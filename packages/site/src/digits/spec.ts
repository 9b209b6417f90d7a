/** An auto-encoder of digits: the state of its page. */
import { type Field, hiddenParts, whole } from "../shared/state.ts";

/** Pixels on a side. */
export const side = 14;
/** Digits that it learns from; the others it has never seen. */
export const learned = 700;
export const count = 800;

/** What a teacher may hide. */
export const parts = { code: "The coins", draw: "A digit of one's own" } as const;

/** Bits as hexadecimal digits, four each; empty where there are none. */
function bits(most: number): Field<readonly number[]> {
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

/** The state of the page. */
export const fields = {
  seed: whole(1, 0, 999_999),
  coins: whole(20, 4, 32),
  /** Walks through the digits. */
  epochs: whole(100, 0, 300),
  /** The first that it has not seen. */
  image: whole(learned, 0, count - 1),
  /** Which flip of the code. */
  flip: whole(1, 1, 9999),
  /** Of the code's coins, those that were turned by hand. */
  turned: bits(32),
  /** A digit of one's own, row by row. */
  drawn: bits(side * side),
  hide: hiddenParts(["code", "draw"]),
};
