/** The command that makes a run again. */
import { type HiddenLayer, hiddenName, hiddenSpec } from "flipnet/internal/network/hidden";
import { type Config, parseConfig } from "../settings/config.ts";
import { flagOf } from "../settings/flag.ts";

/** Settings that `flipnet train` has no flag for. */
const withoutFlag = ["beta1", "beta2", "epsilon", "baselineDecay"];

/**
 * `flipnet train ...` with the settings that are not what holds anyway, and the kernels, so that it repeats bit for bit;
 * where flags cannot say it, the whole config on standard input.
 *
 * @param seed what stands in place of the seed
 */
export function trainCommand(config: Config, { seed = String(config.seed) } = {}): string {
  const { out, threads, ...settings }: Record<string, unknown> = { ...config };
  const wanted = JSON.stringify(sorted(settings));
  const makesIt = (some: Record<string, unknown>) => {
    try {
      const { out, ...made }: Record<string, unknown> = parseConfig(some);
      return JSON.stringify(sorted(made)) === wanted;
    } catch {
      return false;
    }
  };

  const flags: Record<string, unknown> = { ...settings };
  for (const name of withoutFlag) delete flags[name];
  if (!makesIt(flags)) {
    const json = JSON.stringify({ ...settings, seed: 0 }).replaceAll("'", "'\\''");
    // In every shell, and whatever is in it.
    return `printf %s '${json.replace('"seed":0', `"seed":'${seed}'`)}' | flipnet train -`;
  }
  for (const name of Object.keys(flags)) {
    const { [name]: value, ...others } = flags;
    if (name !== "kernels" && name !== "seed" && makesIt(others)) delete flags[name];
  }
  const words = Object.entries(flags).flatMap(([name, value]) => {
    if (name === "seed") return ["--seed", seed];
    if (typeof value === "boolean") return flagOf(name, !value);
    return [flagOf(name), shellWord([value].flat().map(said).join(","))];
  });
  return ["flipnet train", ...words].join(" ");
}

const sorted = (settings: Record<string, unknown>) =>
  Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));

/** A number, a word or a hidden layer, as a flag has it. */
function said(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const layer = value as HiddenLayer;
  return (hiddenSpec(layer).kind === "softmax" ? "softmax:" : "") + hiddenName(layer);
}

/** A text as one word of a shell's command line. */
export const shellWord = (text: string): string =>
  /^[\w.,:@/+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
