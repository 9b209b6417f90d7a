/** What a network learns, and how: the state of the page. */
import { side as pixelsOnASide } from "../shared/digits.ts";
import { bits, estimatorNames, hiddenParts, oneOf, whole } from "../shared/state.ts";

/** What can be learned. */
export const tasks = {
  xor: "Opposite corners",
  circle: "A disc",
  spiral: "Two spirals",
  wire: "Find the wire",
  digits: "Digits",
  walk: "A walk",
} as const;

/** A task's name. */
export type TaskName = keyof typeof tasks;

/** Points of a square, each with a class. */
export type Shape = "xor" | "circle" | "spiral";

/** Whether the page can show what the network says of every point. */
export const isPlane = (task: TaskName): task is Shape =>
  task === "xor" || task === "circle" || task === "spiral";

/** What of each task is told. */
export const says: Record<TaskName, string> = {
  xor: "Is the point in the upper right or the lower left? The network is told only whether its answer was right.",
  circle: "Is the point in the disc? The network is told only whether its answer was right.",
  spiral: "Which arm is the point on? This is hard for coins that are told only right or wrong.",
  wire: "Two address bits choose one of four data bits, and that bit is the answer: the 2-bit multiplexer.",
  digits:
    "Which digit is this? One of ten guesses, and the network is told only whether it was right: a contextual bandit. Draw one of your own below.",
  walk: "On a board of five by five cells, get to the far corner. A step costs 0.05, arriving earns 1, and an episode ends after 16 steps. A step's reward is what the episode earns from there on.",
};

/** What each task is begun with: a task that is chosen brings them along. */
export const usual: Record<
  TaskName,
  { layers: number; width: number; rate: (typeof rates)[number]; step: number; row: number }
> = {
  // The second example leaves the seventh coin in doubt.
  xor: { layers: 2, width: 8, rate: "0.03", step: 300, row: 1 },
  circle: { layers: 2, width: 8, rate: "0.03", step: 300, row: 1 },
  spiral: { layers: 2, width: 16, rate: "0.01", step: 300, row: 1 },
  wire: { layers: 2, width: 8, rate: "0.03", step: 300, row: 1 },
  digits: { layers: 1, width: 16, rate: "0.01", step: 200, row: 1 },
  // The sixth episode has a long way to go.
  walk: { layers: 1, width: 12, rate: "0.01", step: 150, row: 5 },
};

/** What a teacher may hide. */
export const parts = {
  field: "What the network says everywhere",
  curves: "Curves",
  unit: "One coin's credit",
  cloud: "The cloud of gradients",
  draw: "A digit of one's own",
} as const;

/** Examples a step. */
export const batchSize = 32;

/** The walk's board, the steps of an episode, and episodes side by side. */
export const board = { size: 5, horizon: 16, episodes: 8 } as const;

/** Rows of a step: examples; of the walk, moments of all episodes, time by time. */
export const rowsOf = (task: TaskName): number =>
  task === "walk" ? board.horizon * board.episodes : batchSize;

/** Rates that can be chosen. */
export const rates = ["0.001", "0.003", "0.01", "0.03"] as const;

/** The state of the page. */
export const fields = {
  task: oneOf("xor", ["xor", "circle", "spiral", "wire", "digits", "walk"]),
  layers: whole(2, 1, 3),
  width: whole(8, 2, 20),
  estimators: estimatorNames(["reinforce", "hnca"], 2),
  rate: oneOf("0.03", rates),
  baseline: oneOf("none", ["none", "running-average"]),
  seed: whole(1, 0, 999_999),
  /** Far enough that there is something to see. */
  step: whole(300, 0, 20_000),
  /** How much of a step has happened: see `phasesOf`. */
  phase: whole(9, 0, 9),
  row: whole(1, 0, rowsOf("walk") - 1),
  /** The coin that is looked at: its layer and its place. */
  unit: { ...decimalPair(), expected: "a layer and a coin, as in 0.3" },
  /** A digit of one's own, row by row, and which one it is meant to be. */
  drawn: bits(pixelsOnASide ** 2),
  means: whole(0, 0, 9),
  hide: hiddenParts(["field", "curves", "unit", "cloud", "draw"]),
};

function decimalPair() {
  return {
    default: [0, 6] as readonly [number, number],
    read(text: string): readonly [number, number] | undefined {
      const [, layer, coin] = /^([0-3])\.(\d{1,2})$/.exec(text) ?? [];
      return coin === undefined ? undefined : [Number(layer), Number(coin)];
    },
    write: ([layer, coin]: readonly [number, number]) => `${layer}.${coin}`,
  };
}

/** What decides a training: the same setting, the same numbers at every step. */
export interface Setting {
  readonly task: TaskName;
  readonly hidden: readonly number[];
  readonly estimators: readonly string[];
  readonly rate: number;
  readonly baseline: "none" | "running-average";
  readonly seed: number;
}

/** What happens within a step, one after the other; the last is the whole of it. */
export const phasesOf = (layers: number): string[] => [
  "An example is seen",
  ...Array.from({ length: layers }, (_, l) => `Layer ${l + 1} flips its coins`),
  "The last one acts",
  "The act is rewarded",
  "Every coin gets its credit",
];

/** What the last layer can say, in the order of its choices; of one coin, off and on. */
export const words: Record<TaskName, readonly string[]> = {
  xor: ["0", "1"],
  circle: ["0", "1"],
  spiral: ["0", "1"],
  wire: ["0", "1"],
  digits: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  walk: ["↑", "↓", "←", "→"],
};
