/** Numbers among the flags. */
import { InputError } from "flipnet/internal/formats/errors";
import { isWhole } from "flipnet/internal/formats/whole";

/** The whole number that a flag is. @throws InputError where it is none, or out of its range */
export function wholeNumber(flag: string, text: string, from: number, to = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (text.trim() === "" || !isWhole(value, from, to)) {
    const expected = to === Number.MAX_SAFE_INTEGER ? `from ${from} on` : `from ${from} to ${to}`;
    throw new InputError(`${flag} is ${text}; expected a whole number ${expected}`);
  }
  return value;
}
