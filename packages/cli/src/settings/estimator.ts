/**
 * The estimator that a setting names: one of flipnet's, `reinforce-loo:samples=4`, or one from a file of the user's,
 * `./mine.mjs:samples=3`, whose default export, or only export that is one, `defineEstimator` has made.
 */
import { basename, extname, resolve } from "node:path";
import type { Estimator } from "flipnet/internal/estimators/estimator";
import { labelOf } from "flipnet/internal/estimators/estimator";
import { estimatorText, type NamedOptions, parseEstimatorText } from "flipnet/internal/estimators/options";
import { createEstimator, findEstimator } from "flipnet/internal/estimators/registry";
import { isFile, loadModule } from "./module.ts";

/** An estimator and the text that names it, with the options that are not what holds anyway. */
export interface ChosenEstimator {
  readonly estimator: Estimator;
  readonly text: string;
  /** SHA-256 of the file that it is from, in hex. */
  readonly digest?: string;
}

/**
 * The estimator of a name, with these options.
 *
 * @param known names to suggest where it is none
 * @param folder where paths begin
 * @throws InputError for a name that is none, a file without an estimator, or an option that cannot be used
 */
export function chooseEstimator(
  { name, ...options }: NamedOptions,
  { known, folder = "." }: { known?: readonly string[]; folder?: string } = {},
): ChosenEstimator {
  if (!isFile(name)) {
    const estimator = createEstimator({ name, ...options }, known);
    return { estimator, text: labelOf(estimator) };
  }
  const path = resolve(folder, name);
  const { value, digest } = loadModule(path, wanted);
  const estimator = (value as Kind)(options);
  const { name: own, ...told } = parseEstimatorText(labelOf(estimator));
  return { estimator, text: estimatorText({ name: path, ...told }), digest };
}

type Kind = (options: Record<string, unknown>) => Estimator;

const isEstimator = (value: unknown): boolean =>
  typeof value === "function" && "prepare" in value && "takes" in value && "needs" in value;

const wanted = { what: "estimator", made: "one that defineEstimator has made", fits: isEstimator };

/** What a text or `{ name, ...options }` names. @throws InputError where it is neither */
export function namedIn(value: unknown): NamedOptions | undefined {
  if (typeof value === "string") return value === "" ? undefined : parseEstimatorText(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return typeof (value as NamedOptions).name === "string" ? (value as NamedOptions) : undefined;
}

/** `reinforce-loo` of `reinforce-loo:samples=4`; `mine` of `./some/mine.mjs`: for names of files. */
export function plainName(text: string): string {
  const { name } = parseEstimatorText(text);
  return isFile(name) ? basename(name, extname(name)).replace(/[^\w-]+/g, "-") : name;
}

/** What of an estimator decides a run's identity: a file by what is in it, wherever it is. */
export function identityOfEstimator({ estimator }: { estimator: string }): { estimator: string } {
  const { name, ...told } = parseEstimatorText(estimator);
  return { estimator: isFile(name) ? estimatorText({ name: "file", ...told }) : estimator };
}

/** The title of an estimator in a stored config, and the options that its text tells. */
export function titleOf(text: string): {
  title: string;
  told: Record<string, unknown>;
  takesBaseline: boolean;
} {
  const { name, ...told } = parseEstimatorText(text);
  const known = findEstimator(name);
  const title = known?.title ?? (isFile(name) ? basename(name) : name);
  return { title, told, takesBaseline: known?.baseline ?? true };
}
