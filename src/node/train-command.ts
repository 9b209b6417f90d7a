/** The command that makes a run again. */
import { type HiddenLayer, hiddenName, hiddenSpec } from "../network/hidden.ts";
import { type Config, parseConfig } from "./config.ts";

/** Settings that `flipnet train` has no flag for. */
const withoutFlag = ["beta1", "beta2", "epsilon", "baselineDecay"];

/** `learningRate` as `--learning-rate`. */
export const flagOf = (setting: string): string =>
  `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * `flipnet train ...` with the settings that are not what holds anyway, and the kernels, so that it repeats bit for bit;
 * where flags cannot say it, the whole config on standard input.
 */
export function trainCommand(config: Config): string {
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
    return `flipnet train - <<< '${JSON.stringify(settings).replaceAll("'", "'\\''")}'`;
  }
  for (const name of Object.keys(flags)) {
    const { [name]: value, ...others } = flags;
    if (name !== "kernels" && name !== "seed" && makesIt(others)) delete flags[name];
  }
  return ["flipnet train", ...Object.entries(flags).map(flag)].join(" ");
}

const sorted = (settings: Record<string, unknown>) =>
  Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));

function flag([name, value]: [string, unknown]): string {
  if (typeof value === "boolean") return value ? flagOf(name) : flagOf(name).replace("--", "--no-");
  const texts = [value].flat().map((one) => {
    if (typeof one !== "object" || one === null) return String(one);
    const layer = one as HiddenLayer;
    return (hiddenSpec(layer).kind === "softmax" ? "softmax:" : "") + hiddenName(layer);
  });
  const text = texts.join(",");
  return `${flagOf(name)} ${/^[\w.,:@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`}`;
}
