/** Errors whose message says all that a user needs: one sentence, which the command line prints without a stack. */

/**
 * Bad input from the user: a file, a folder or a setting that cannot be used as it is. The message says what was found
 * and what was expected; the command line exits with 2.
 */
export class InputError extends Error {
  override name = "InputError";

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
  }
}

/** A run that failed for a reason outside the program: it diverged, the disk is full. The command line exits with 1. */
export class RunError extends Error {
  override name = "RunError";

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
  }
}

/** A message quotes what was found, and that may be anything: a sentence stays on its line. */
const oneLine = (message: string): string => message.replace(/\p{Cc}+/gu, " ");
