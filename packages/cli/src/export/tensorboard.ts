/** The records of runs as TensorBoard's event files, one in a folder of each run: two in one folder would be joined. */
import { basename, join, resolve } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import type { EpochRecord } from "flipnet/internal/training/training";
import { encodeEvents, type TensorBoardEvent } from "../formats/tensorboard.ts";
import type { StoredRun } from "../running/run-folder.ts";
import type { Exporter } from "./exporter.ts";

/** A time that a run was begun or resumed at. */
interface Start {
  /** Seconds since 1970. */
  time: number;
  /** Steps that were done by then. */
  step: number;
}

export const tensorboardExporter: Exporter = {
  several: true,
  options: [],
  mark: "brain.Event",
  async files(runs, { out }) {
    const names = runs.map(({ folder }) => basename(resolve(folder)));
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (out !== undefined && twice !== undefined) {
      throw new InputError(
        `two runs are called ${twice}; expected another name for each, as their curves are joined`,
      );
    }
    return runs.map((run, i) => {
      const starts = startsOf(run);
      const name = `events.out.tfevents.${Math.floor(starts[0].time)}.${run.runId}`;
      const folder = out === undefined ? run.folder : join(out, names[i]);
      return { path: join(folder, name), content: encodeEvents(eventsOf(run, starts)) };
    });
  },
};

const startsOf = ({ environment }: StoredRun): Start[] =>
  environment.starts.map(({ time, step }) => ({ time: Date.parse(time) / 1000, step }));

function eventsOf({ config, records }: StoredRun, starts: readonly Start[]): TensorBoardEvent[] {
  const times = wallTimes(records, starts);
  return [
    configEvent(config, starts[0].time),
    ...records.map((record, i) => ({ wallTime: times[i], step: record.step, scalars: scalarsOf(record) })),
  ];
}

/** The settings, as Markdown's code. */
export const configEvent = (config: StoredRun["config"], wallTime: number): TensorBoardEvent => ({
  wallTime,
  step: 0,
  texts: { config: JSON.stringify(config, undefined, 2).replaceAll(/^/gm, "    ") },
});

/** Metrics by tag: what stands before a dot is a group. */
export function scalarsOf({ step, ...record }: EpochRecord): Record<string, number> {
  const numbers = Object.entries(record).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number",
  );
  return Object.fromEntries(numbers.map(([name, value]) => [name.replaceAll(".", "/"), value]));
}

/**
 * When records were made, in seconds since 1970, as far as a run knows: the last start before, and the time that the
 * steps since took. It is the same whenever the run is exported. Evaluations are not in it.
 */
function wallTimes(records: readonly EpochRecord[], starts: readonly Start[]): number[] {
  let start = 0;
  let { time, step: done } = starts[0];
  return records.map(({ step, msPerStep }) => {
    // A record of more steps than were done at a start has been made after it.
    while (start + 1 < starts.length && starts[start + 1].step < step)
      ({ time, step: done } = starts[++start]);
    time += ((step - done) * msPerStep) / 1000;
    done = step;
    return time;
  });
}
