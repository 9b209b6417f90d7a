/**
 * Bad input from the user: a file, a folder or a setting that cannot be used as it is. The message is one sentence
 * that says what was found and what was expected; the command line prints it without a stack and exits with 2.
 */
export class InputError extends Error {
  override name = "InputError";
}
