/**
 * A task as a whole, defined once: what it is called and told, what it offers to estimators, its network, how its length
 * is counted, what is measured and how that is written. Training, command line, reports and exports read it here; none
 * of them knows a task by name.
 */
import type { Backend } from "../backend/backend.ts";
import type { Knowledge } from "../estimators/needs.ts";
import type { Options, ValuesOf } from "../estimators/options.ts";
import type { LabelledImages } from "../formats/labelled-images.ts";
import type { RowData, TableData } from "../formats/table-data.ts";
import type { HiddenLayer } from "../network/hidden.ts";
import type { Network, Units } from "../network/network.ts";
import type { Decoder } from "../objectives/elbo.ts";
import type { Task } from "./task.ts";

/** What every task is told beside its own settings. */
export interface CommonSettings {
  /** Hidden layers, input side first. */
  readonly hidden: readonly HiddenLayer[];
  /** Coding of hidden units. */
  readonly units: Units;
  /** Examples a step. */
  readonly batchSize: number;
  /** Decides weights, data and draws. */
  readonly seed: number;
}

/** Images to learn from and images to measure on. */
export interface ImageData {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
}

/** One record of a run: the step that it is of, and metrics by name. */
export interface MetricRecord {
  readonly step: number;
  readonly [metric: string]: unknown;
}

/** One number that a run ends with: a column of a report's table. */
export interface TaskMetric {
  readonly name: string;
  readonly title: string;
  /** What a line of progress calls it; absent: it has no place there. */
  readonly short?: string;
  /** The metric that stands for it within an epoch. */
  readonly meanwhile?: string;
  /** Digits behind the point; of a percentage where `percent`, else of the number itself. Absent: a whole number. */
  readonly digits?: number;
  readonly percent?: true;
  /** What it is made of where that is not the last record's value of that name; Infinity: never reached. */
  readonly of?: (records: readonly MetricRecord[]) => number | undefined;
}

/** A quantity that reports draw over the epochs or steps. */
export interface TaskCurve {
  readonly title: string;
  /** The metric that is drawn solid, and the one that is drawn dotted beside it, with what a key calls them. */
  readonly solid: string;
  readonly dotted?: string;
  readonly names?: { readonly solid: string; readonly dotted: string };
  /** The lowest and the highest value that can be seen; of all points that are drawn, one at least. */
  domain(points: readonly { readonly epoch: number; readonly value: number }[]): [number, number];
  /** How the axis writes values: in percent, or in a format of d3. */
  readonly axis: "percent" | "d" | ".1f" | "~g";
  /** Digits of final values. */
  readonly digits: number;
}

/** What a trained network is outside of training: what a graph for other runtimes is made of. */
export interface Learned {
  readonly network: Network;
  /** What draws, where the network is an encoder. */
  readonly decoder?: Decoder;
  /** What goes in: pixels of images from 0 to 255, or the numbers that layers see. */
  readonly input: "images" | "numbers";
}

/** What holds of settings that nobody gave, once the data are known. */
export interface UsualForData extends Pick<CommonSettings, "hidden" | "batchSize"> {
  readonly learningRate: number;
  readonly epochs: number;
}

/** A few inputs, as layers read them, and what each action would earn there, where the network acts. */
export interface TaskCases {
  readonly inputs: readonly (readonly number[])[];
  /** [example][action] */
  readonly rewards?: readonly (readonly number[])[];
}

/** What a task is about. */
export type TaskData = ImageData | TableData | RowData | OwnData;

/** What a task of one's own is given: see `own-objective.ts`. */
export type OwnData = { readonly maximise: unknown };

/** A task, whatever its settings. */
export interface TaskDefinition<
  Settings = CommonSettings & Readonly<Record<string, unknown>>,
  Data extends TaskData = TaskData,
> {
  readonly name: string;
  readonly title: string;
  /** What the network does and is told, in a sentence. */
  readonly says: string;
  /** What is known of its objective: estimators that need no more can serve. */
  readonly offers: readonly Knowledge[];
  /** What it is told, beside what every task is told. */
  readonly settings: Options;
  /** What holds where nobody says otherwise, of what every task is told. */
  readonly usual: Omit<CommonSettings, "seed"> & {
    readonly estimator: string;
    readonly learningRate: number;
  };
  /** What holds in place of `usual`, by a rule, where the data say more than the task does. */
  usualFor?(data: Data): UsualForData;
  /** Images, a prepared table with a target, one without, a file's objective, or what it makes itself. */
  readonly data: "images" | "table" | "rows" | "objective" | "none";
  /** What its length is counted in; of steps, its settings are `steps` in all and `recordEvery`. */
  readonly length: "epochs" | "steps";
  /** The metric over which reports draw its curves, one that counts up; undefined: over what its length is counted in. */
  over?(settings: Settings): string | undefined;
  /** The setting by whose values curves have scales of their own; absent: all have one. */
  readonly scaledBy?: string;
  /** The first one is what a person wants to follow. */
  readonly metrics: readonly TaskMetric[];
  readonly curves: readonly TaskCurve[];
  /** Whether what it learns can draw images. */
  readonly draws?: true;
  /** What a reader of its numbers must know. */
  readonly note?: string;
  /** @throws InputError for settings and data that do not fit */
  create(
    backend: Backend,
    settings: Settings,
    data: Data,
  ): { readonly task: Task; readonly network: Network };
  /** Whether a run that has come to a record is over, however long its settings let it be. */
  ended?(settings: Settings, record: MetricRecord): boolean;
  /** Settings that measure with as little work as can be, for who asks what it takes, and their share of it. */
  cheap?(settings: Settings): { readonly settings: Settings; readonly share: number };
  /** So many examples of what a network sees, of `images` where the task is of those; absent: they say too little of it. */
  cases?(settings: Settings, count: number, images: () => Promise<LabelledImages>): Promise<TaskCases>;
  /** Networks as they were trained, all parameters zero. `shapeOf` says a tensor's shape in the checkpoint. */
  learned(
    backend: Backend,
    settings: Settings,
    shapeOf: (tensor: string) => readonly number[],
    images: () => Promise<LabelledImages>,
  ): Promise<Learned>;
}

/** A task of these settings. */
export const defineTask = <const O extends Options, Data extends TaskData = ImageData>(
  definition: Omit<TaskDefinition<CommonSettings & ValuesOf<O>, Data>, "settings"> & { readonly settings: O },
): TaskDefinition => definition as unknown as TaskDefinition;

/** The mean of a metric over all steps of a run, of which each record has the mean since the one before. */
export function overAllSteps(records: readonly MetricRecord[], name: string): number | undefined {
  if (typeof records[0]?.[name] !== "number") return undefined;
  const sum = records.reduce(
    (total, record, i) => total + Number(record[name]) * (record.step - (records[i - 1]?.step ?? 0)),
    0,
  );
  return sum / records[records.length - 1].step;
}
