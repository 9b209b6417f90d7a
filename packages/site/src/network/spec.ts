/** What a network learns, and how: the state of the page. */
import { estimatorNames, hiddenParts, oneOf, whole } from "../shared/state.ts";

/** What can be learned. */
export const tasks = {
  xor: "Opposite corners",
  circle: "A disc",
  spiral: "Two spirals",
  wire: "Find the wire",
} as const;

/** A task's name. */
export type TaskName = keyof typeof tasks;

/** What of each task is told. */
export const says: Record<TaskName, string> = {
  xor: "Is the point in the upper right or the lower left? The network is told only whether its answer was right.",
  circle: "Is the point in the disc? The network is told only whether its answer was right.",
  spiral: "Which arm is the point on? This is hard for coins that are told only right or wrong.",
  wire: "Two address bits choose one of four data bits, and that bit is the answer: the 2-bit multiplexer.",
};

/** What a teacher may hide. */
export const parts = {
  field: "What the network says everywhere",
  curves: "Curves",
  unit: "One coin's credit",
  cloud: "The cloud of gradients",
} as const;

/** Examples a step. */
export const batchSize = 32;

/** Rates that can be chosen. */
export const rates = ["0.001", "0.003", "0.01", "0.03"] as const;

/** The state of the page. */
export const fields = {
  task: oneOf("xor", ["xor", "circle", "spiral", "wire"]),
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
  row: whole(0, 0, batchSize - 1),
  /** The coin that is looked at: its layer and its place. */
  unit: { ...decimalPair(), expected: "a layer and a coin, as in 0.3" },
  hide: hiddenParts(["field", "curves", "unit", "cloud"]),
};

function decimalPair() {
  return {
    default: [0, 0] as readonly [number, number],
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
  "The last coin acts",
  "The act is rewarded",
  "Every coin gets its credit",
];
