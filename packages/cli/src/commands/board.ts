/** Several runs at once, as a person sees them: a line each, and one for each that ends. */
import type { WriteStream } from "node:tty";
import { fileURLToPath } from "node:url";
import type { EpochRecord } from "flipnet/internal/training/training";
import { oneLine } from "../running/plain-text.ts";
import {
  type Job,
  type JobListener,
  type JobResult,
  type RunMessage,
  type RunProgress,
  runPool,
} from "../running/pool.ts";
import { taskOf } from "../settings/config.ts";
import { stopSignal } from "./exit.ts";
import { canRedraw, colorsFor, counted, formatBar, formatSeconds, shortened } from "./terminal.ts";

/** What trains jobs and tells how they get on: the pool of this machine, or a queue that other machines work on. */
export type Driver<J extends Job = Job> = (jobs: readonly J[], listener: JobListener) => Promise<JobResult[]>;

/** This program, as the script that a pool runs. */
export const program: string = fileURLToPath(new URL("../main.js", import.meta.url));

/** The pool of this machine. */
export const localPool =
  (workers: number | undefined, flags: readonly string[] = []): Driver =>
  (jobs, listener) =>
    runPool(jobs, { program, flags, ...(workers !== undefined && { workers }), ...listener });

/**
 * Runs the jobs and shows how they get on; SIGINT and SIGTERM stop the driver.
 *
 * @param stopping what is said then
 * @param onEnd called after each of them
 */
export async function runOnBoard<J extends Job>(
  jobs: readonly J[],
  driver: Driver<J>,
  stopping = "stopping: every run writes a checkpoint ...",
  onEnd: (result: JobResult) => void = () => {},
): Promise<JobResult[]> {
  const board = new Board(process.stderr, jobs);
  const signal = stopSignal();
  signal.addEventListener("abort", () => board.print(stopping));
  try {
    return await driver(jobs, {
      signal,
      onStart: (job) => board.start(job),
      onMessage: (job, message) => board.message(job, message),
      onEnd(result) {
        board.end(result);
        // What is written meanwhile may go to the same terminal.
        board.clear();
        onEnd(result);
      },
      onNote: (note) => board.note(note),
    });
  } finally {
    board.clear();
    process.stderr.write("\n");
  }
}

/** Milliseconds between two drawings on a terminal, and between two reports elsewhere. */
const drawInterval = 100;
const plainInterval = 10_000;

/** A run that is on. */
interface RunState {
  started: number;
  progress?: RunProgress;
  /** The part of it that was done when it was first heard of. */
  first?: number;
  /** Its last finished epoch. */
  record?: EpochRecord;
}

/** Runs that differ in their seeds only take about as long. */
const kindOf = ({ config: { seed, ...kind } }: Job): string => JSON.stringify(kind);

/** The part of a run that is done. */
const partDone = ({ epoch, epochs, step, stepsPerEpoch }: RunProgress): number =>
  ((epoch - 1) * stepsPerEpoch + step) / (epochs * stepsPerEpoch);

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** On a terminal, running runs stay below the lines of those that ended; elsewhere they report now and then. */
export class Board {
  readonly #stream: WriteStream;
  readonly #colors: ReturnType<typeof colorsFor>;
  readonly #jobs: readonly Job[];
  readonly #labelWidth: number;
  readonly #isDrawn: boolean;
  readonly #running = new Map<Job, RunState>();
  readonly #ended = new Set<Job>();
  /** Seconds that finished runs took, by kind. */
  readonly #took = new Map<string, number[]>();
  #lastShown = performance.now();
  /** Lines on the terminal that are to be drawn over. */
  #drawn = 0;

  constructor(stream: WriteStream, jobs: readonly Job[]) {
    this.#stream = stream;
    this.#colors = colorsFor(stream);
    this.#jobs = jobs;
    this.#isDrawn = canRedraw(stream);
    this.#labelWidth = Math.max(...jobs.map(({ label }) => [...label].length));
  }

  start(job: Job): void {
    this.#running.set(job, { started: performance.now() });
    if (this.#isDrawn) this.#draw();
  }

  message(job: Job, message: RunMessage): void {
    const state = this.#running.get(job)!;
    if (message.type === "progress") {
      state.progress = message as RunProgress;
      state.first ??= partDone(state.progress);
    }
    if (message.type === "epoch") state.record = message as EpochRecord;
    this.#show();
  }

  end({ job, status, records, summary, error }: JobResult): void {
    const { red, yellow } = this.#colors;
    const { started, progress, first } = this.#running.get(job)!;
    this.#running.delete(job);
    this.#ended.add(job);
    if (status === "done") {
      const seconds = (performance.now() - started) / 1000;
      // A run that was finished before has no progress, and takes no time worth telling.
      const took = progress ? [`in ${formatSeconds(seconds)}`] : [];
      if (first !== undefined && first < 0.1)
        this.#took.set(kindOf(job), [...(this.#took.get(kindOf(job)) ?? []), seconds]);
      this.print(
        [this.#label(job), counted(summary!.epochs, "epoch"), ...figuresOf(job, summary!), ...took].join(
          "  ",
        ),
      );
    } else if (status === "failed") {
      this.print(`${this.#label(job)}  ${red("failed:")} ${oneLine(error ?? "")}`);
    } else {
      this.print(`${this.#label(job)}  ${yellow("stopped")} after ${counted(records.length, "epoch")}`);
    }
  }

  /** A line that stays. */
  print(line: string): void {
    this.clear();
    this.#stream.write(`${line}\n`);
    if (this.#isDrawn) this.#draw();
  }

  /** What comes from elsewhere, on a line that stays. */
  note(text: string): void {
    this.print(oneLine(text));
  }

  /** Takes away what does not stay. */
  clear(): void {
    if (this.#drawn > 0) this.#stream.write(`\u001b[${this.#drawn}A\u001b[J`);
    this.#drawn = 0;
  }

  #show(): void {
    const now = performance.now();
    if (now - this.#lastShown < (this.#isDrawn ? drawInterval : plainInterval)) return;
    this.#lastShown = now;
    if (this.#isDrawn) this.#draw();
    else
      this.#stream.write(
        this.#status()
          .map((line) => `${line}\n`)
          .join(""),
      );
  }

  #draw(): void {
    const lines = this.#status().slice(0, Math.max(1, (this.#stream.rows || 24) - 2));
    // In one write, so that nothing flickers.
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : "";
    this.#stream.write(`${up}${lines.map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`);
    this.#drawn = lines.length;
  }

  /** A line for each running run, and one for all where some still wait. */
  #status(): string[] {
    const lines: string[] = [];
    for (const [job, { progress, record }] of this.#running) {
      if (progress === undefined) {
        lines.push(this.#line(job, 0, ["starting"]));
        continue;
      }
      const { epoch, epochs, stepsPerSecond, secondsLeft } = progress;
      const cells = [
        `epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`,
        ...figuresOf(job, record ?? progress.metrics).slice(0, 1),
        `${formatSeconds(secondsLeft)} left`,
        `${stepsPerSecond.toFixed(0)} steps/s`,
      ];
      lines.push(this.#line(job, partDone(progress), cells));
    }
    if (this.#jobs.length > this.#ended.size + this.#running.size) {
      const seconds = this.#secondsLeft();
      const left = seconds === undefined ? "" : `, about ${formatSeconds(seconds)} left`;
      lines.push(this.#colors.dim(`${this.#ended.size} of ${this.#jobs.length} runs done${left}`));
    }
    return lines;
  }

  /**
   * Until all jobs are done, as far as it can be told yet: one that waits takes as long as those of its kind took, or
   * take, or else as long as the others on average.
   */
  #secondsLeft(): number | undefined {
    const lengths = new Map(this.#took);
    const left: number[] = [];
    for (const [job, { progress }] of this.#running) {
      if (progress === undefined || progress.stepsPerSecond === 0) continue;
      const { epochs, stepsPerEpoch, stepsPerSecond, secondsLeft } = progress;
      left.push(secondsLeft);
      if (!lengths.has(kindOf(job))) lengths.set(kindOf(job), [(epochs * stepsPerEpoch) / stepsPerSecond]);
    }
    if (left.length === 0) return undefined;
    const usual = meanOf([...lengths.values()].map(meanOf));
    for (const job of this.#jobs) {
      if (this.#ended.has(job) || this.#running.has(job)) continue;
      const known = lengths.get(kindOf(job));
      left.push(known === undefined ? usual : meanOf(known));
    }
    return left.reduce((a, b) => a + b) / this.#running.size;
  }

  /**
   * The label and the cells that there is room for, the last ones first to go, on one line; on a terminal a bar as well,
   * where there is room left. There the label is cut before two cells are left out, and it has one width in all lines; a
   * bar takes nothing from it.
   */
  #line(job: Job, part: number, cells: readonly string[]): string {
    if (!this.#isDrawn) return [this.#label(job), ...cells].join("  ");
    // Some terminals say 0.
    const columns = (this.#stream.columns || 80) - 1;
    const label = Math.min(this.#labelWidth, Math.max(narrowLabel, columns - usualCells));
    const shown = [...cells];
    const room = () => columns - label - 2 - [...shown.join("  ")].length;
    while (room() < 0 && shown.length > 1) shown.pop();
    const isShort = label < this.#labelWidth || room() - 2 < narrowBar;
    const bar = isShort ? [] : [this.#colors.cyan(formatBar(part, Math.min(24, room() - 2)))];
    // The terminal may be narrower than the narrowest line.
    const text = shown.map((cell) => shortened(cell, Math.max(1, columns - label - 2)));
    return [this.#label(job, label), ...text, ...bar].join("  ");
  }

  #label({ label }: Job, columns = Number.POSITIVE_INFINITY): string {
    const width = Math.min(this.#labelWidth, columns);
    const text = shortened(oneLine(label), columns);
    return this.#colors.bold(text + " ".repeat(Math.max(0, width - [...text].length)));
  }
}

/** Columns: the least of a label, those that cells take as a rule, the least of a bar. */
const [narrowLabel, usualCells, narrowBar] = [16, 56, 8];

/** What a person wants to follow: `online 91.3 %`, `ELBO -103.5`. */
function figuresOf({ config }: Job, values: Record<string, number | string | null>): string[] {
  return taskOf(config).metrics.flatMap(({ name, meanwhile = name, short, digits, percent }) => {
    const value = values[name] ?? values[meanwhile];
    if (short === undefined || typeof value !== "number") return [];
    return percent
      ? [`${short} ${(100 * value).toFixed(digits).padStart(4)} %`]
      : [`${short} ${value.toFixed(digits)}`];
  });
}
