/**
 * Which runs are seeds of one method, and what stands beside what: worked out from how their configs differ. Networks and
 * data make panels; all other settings that decide the learning make the method, and give it its name.
 */
import { basename } from "node:path";
import { estimators } from "flipnet/internal/estimators/registry";
import { type HiddenLayer, hiddenName } from "flipnet/internal/network/hidden";
import { findTask } from "flipnet/internal/tasks/registry";
import type { StoredRun } from "../running/run-folder.ts";
import { plainName, titleOf } from "../settings/estimator.ts";
import { distinct } from "./lists.ts";

/** Settings by name; of a run, with the digest of its data. */
export type Settings = Record<string, unknown>;

/** What a run is called. */
export interface RunNames {
  method: string;
  /** Undefined where all runs of its task share one. */
  panel?: string;
}

/** What decides no learning: a run may differ in it from another seed of its method. `seed` itself is among them. */
const indifferent =
  "task estimator estimatorDigest seed epochs steps recordEvery evaluateEvery boundSamples out threads kernels data".split(
    " ",
  );

/** What a task is made of: runs that differ in it are in panels of their own. */
const ofProblem = ["environment", "hidden", "convolutions", "kernelSize", "k", "dataDigest", "limit"];

/** What holds where a config does not say. */
const absent: Settings = {
  l2: 0,
  paperScale: false,
  frozenAdam: false,
  stopGradient: true,
  convolutions: [],
  limit: Infinity,
};

/** Whether it goes without saying that a setting has this value. */
export const isUsual = (name: string, value: unknown): boolean =>
  name in absent && text(absent[name]) === text(value);

/** A task as one would call it. */
export const taskTitle = (task: string): string => findTask(task)?.title ?? task;

/** The settings of a run by which it is told from others. */
export function settingsOf({ config, environment }: Pick<StoredRun, "config" | "environment">): Settings {
  const { baselineDecay, ...others } = config;
  // Once an estimator could be asked for a baseline that it has no use for.
  const baseline = titleOf(config.estimator).takesBaseline
    ? { ...(baselineDecay !== undefined && { baselineDecay }) }
    : { baseline: "none" };
  // Of a table the seed decides which rows are learned from, and so their digest: it is known by its files.
  const isTable = ["table", "rows"].includes(findTask(config.task)?.data ?? "");
  const dataDigest = isTable ? String(config.data) : environment.dataDigest;
  return { ...absent, ...others, ...baseline, dataDigest };
}

/** Names of settings that decide the learning and are not the same in all runs that have them. */
export function differing(runs: readonly Settings[]): string[] {
  const names = distinct(runs.flatMap(Object.keys)).filter((name) => !indifferent.includes(name));
  return names.filter((name) => valuesOf(runs, name).length > 1);
}

/** The values of a setting, each once. */
export function valuesOf(runs: readonly Settings[], name: string): unknown[] {
  const values = runs.filter((settings) => name in settings).map((settings) => settings[name]);
  return [...new Map(values.map((value) => [text(value), value])).values()];
}

/** Infinity is no JSON. */
const text = (value: unknown) => (typeof value === "number" ? String(value) : JSON.stringify(value));

/**
 * The runs in the order in which tables list them, each with its names. Runs of one task, panel and method differ in
 * their seeds and in nothing else that decides the learning.
 */
export function nameRuns<R extends StoredRun>(runs: readonly R[]): (R & RunNames)[] {
  const tasks = distinct(runs.map(({ config }) => config.task));
  return tasks.flatMap((task) => nameTask(runs.filter(({ config }) => config.task === task)));
}

function nameTask<R extends StoredRun>(runs: readonly R[]): (R & RunNames)[] {
  const all = runs.map(settingsOf);
  const panelled = differing(all).filter((name) => ofProblem.includes(name));
  const panels = all.map((settings) =>
    panelled
      .map((name) => phrase(name, settings))
      .filter(Boolean)
      .join(", "),
  );
  // What is the same throughout each panel tells the panels apart, not the methods.
  const within = distinct(panels).map((panel) => all.filter((_, i) => panels[i] === panel));
  const named = differing(all)
    .filter((name) => !ofProblem.includes(name) && within.some((some) => valuesOf(some, name).length > 1))
    .sort((a, b) => placeInName(a) - placeInName(b));
  const order = (settings: Settings) => [
    estimators.findIndex(({ name }) => name === plainName(String(settings.estimator))),
    String(settings.estimator),
    ...named.flatMap((name) => (phrase(name, settings) === "" ? [0, 0] : [1, settings[name]])),
    ...panelled.map((name) => settings[name]),
    settings.seed,
  ];
  return runs
    .map((run, i) => {
      const { title, told } = titleOf(run.config.estimator);
      const options = Object.entries(told).map(([name, value]) => plainly(name)(value));
      const phrases = named.map((name) => phrase(name, all[i]));
      const baseline = phrases.includes("baseline") ? " + baseline" : "";
      const method = [
        title + baseline,
        ...options,
        ...phrases.filter((said) => said !== "" && said !== "baseline"),
      ];
      const names = { method: method.join(", "), ...(panelled.length > 0 && { panel: panels[i] }) };
      return { run: { ...run, ...names }, order: order(all[i]) };
    })
    .sort((a, b) => a.order.map((value, i) => compare(value, b.order[i])).find((sign) => sign !== 0) ?? 0)
    .map(({ run }) => run);
}

/** Numbers by size, lists by length and then by what they hold, all else by its text. */
function compare(a: unknown, b: unknown): number {
  if (Array.isArray(a) && Array.isArray(b)) {
    const [first] = a.map((value, i) => compare(value, b[i])).filter(Boolean);
    return a.length - b.length || (first ?? 0);
  }
  if (typeof a === "number" && typeof b === "number") return a === b ? 0 : a - b;
  const [one, other] = [text(a) ?? "", text(b) ?? ""];
  return one === other ? 0 : one < other ? -1 : 1;
}

/** A setting in few words; nothing for what one expects, and where there is none. */
function phrase(name: string, settings: Settings): string {
  if (!(name in settings)) return "";
  const value = settings[name];
  return (phrases[name] ?? plainly(name))(value as never, settings);
}

const plainly = (name: string) => (value: unknown) =>
  value === true
    ? words(name)
    : value === false
      ? `no ${words(name)}`
      : `${words(name)} ${formatSetting(value)}`;

const only = (expected: string, said: string) => (value: unknown) => (value === expected ? "" : said);

/** In the order in which they follow each other in a name. */
const phrases: Record<string, (value: never, settings: Settings) => string> = {
  hidden: (hidden: HiddenLayer[]) => layers(hidden),
  convolutions: (channels: number[]) =>
    channels.length === 0 ? "no convolutions" : `convolutions ${channels.join(", ")}`,
  kernelSize: (size: number) => `${size}x${size} kernels`,
  k: (k: number) => `k = ${k}`,
  dataDigest: (digest: string, { data }) =>
    digest === "none"
      ? ""
      : digest === data
        ? digest
        : `${data === undefined ? "MNIST" : basename(String(data))} ${digest.slice(0, 6)}`,
  limit: (limit: number) => (limit === Infinity ? "all images" : `${limit} images`),
  baseline: (baseline: string) => (baseline === "none" ? "" : "baseline"),
  hiddenRule: (rule: string) => (rule === "reinforce" ? "REINFORCE" : rule.replaceAll("-", " ")),
  childPruning: (pruning: boolean, { fullReward }) => (pruning || fullReward ? "" : "no child pruning"),
  fullReward: (full: boolean) => (full ? "full reward" : ""),
  resample: (how: string) => `${how} resampling`,
  normChange: only("approximate", "exact change"),
  stopGradient: (stop: boolean) => (stop ? "" : "no stop gradient"),
  entropy: only("analytic", "sampled entropy"),
  samples: (count: number) => `${count} sample${count === 1 ? "" : "s"}`,
  paperScale: (scaled: boolean) => (scaled ? "the paper’s scale" : ""),
  output: only("softmax", "Bernoulli output"),
  units: (units: string) => (units === "plus-minus" ? "{−1, +1} units" : "{0, 1} units"),
  batchSize: (size: number) => `batch ${size}`,
  optimizer: (optimizer: string) => (optimizer === "adam" ? "Adam" : optimizer.toUpperCase()),
  frozenAdam: (frozen: boolean) => (frozen ? "frozen Adam" : ""),
  learningRate: (rate: unknown) => `rate ${formatSetting(rate)}`,
  l2: (weight: number | number[]) => (weight === 0 ? "" : `L2 ${formatSetting(weight)}`),
  backend: only("wasm", "float64 reference"),
};

/** Settings that have no phrase of their own come last. */
const placeInName = (name: string) => Object.keys(phrases).indexOf(name) + 1 || Infinity;

/** `2 hidden layers` of the usual width, or all of the widths. */
function layers(hidden: readonly HiddenLayer[]): string {
  if (hidden.length === 0) return "no hidden layer";
  if (hidden.every((layer) => layer === 200)) {
    return `${hidden.length} hidden layer${hidden.length === 1 ? "" : "s"}`;
  }
  return `hidden ${hidden.map(hiddenName).join(", ")}`;
}

/** `learningRate` as `learning rate`. */
export const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** A setting's value in a table. */
export const showSetting = (name: string, value: unknown): string =>
  name === "dataDigest" && isDigest(String(value)) ? String(value).slice(0, 12) : formatSetting(value);

const isDigest = (text: string) => /^[0-9a-f]{64}$/.test(text);

/** A setting's value as one would write it. */
function formatSetting(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : `(${value.map(formatSetting).join(", ")})`;
  if (typeof value === "number") {
    if (value === Infinity) return "all";
    return value !== 0 && Math.abs(value) < 0.01 ? value.toExponential() : String(value);
  }
  if (typeof value === "object" && value !== null) return hiddenName(value as HiddenLayer);
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}
