import { InputError } from "./errors.ts";

/**
 * The bytes of a file that a program hands over; an `ArrayBuffer`, as `fetch` gives it, will do.
 *
 * @throws InputError for anything else
 */
export function bytesOf(file: Uint8Array | ArrayBuffer, name: string): Uint8Array {
  if (file instanceof Uint8Array) return file;
  // One of another realm is no instance here.
  if (Object.prototype.toString.call(file) === "[object ArrayBuffer]") return new Uint8Array(file);
  const isObject = typeof file === "object" && file !== null;
  const found = isObject
    ? ((file as object).constructor?.name ?? "an object")
    : file === null
      ? "null"
      : typeof file;
  throw new InputError(`${name} is ${found}; expected a Uint8Array or an ArrayBuffer`);
}
