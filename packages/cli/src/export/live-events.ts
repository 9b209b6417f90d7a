/** TensorBoard's events of a run while it goes: a file each time that it is begun or resumed, a record more an epoch. */
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "flipnet/internal/formats/errors";
import type { EpochRecord } from "flipnet/internal/training/training";
import { encodeEvents, encodeMore } from "../formats/tensorboard.ts";
import type { RunStart } from "../running/runs.ts";
import { configEvent, scalarsOf } from "./tensorboard.ts";

/** @returns what is to hear of every record. @throws InputError where the file cannot be written */
export function liveEvents({ folder, runId, config, records }: RunStart): (record: EpochRecord) => void {
  const now = () => Date.now() / 1000;
  const beginning = `events.out.tfevents.`;
  const path = join(folder, `${beginning}${Math.floor(now())}.${runId}`);
  const append = (bytes: Uint8Array) => {
    try {
      appendFileSync(path, bytes);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new InputError(`${path} cannot be written (${code}); expected a place that can be`, { cause });
    }
  };
  const eventOf = (record: EpochRecord) => ({
    wallTime: now(),
    step: record.step,
    scalars: scalarsOf(record),
  });
  // What stands in files of earlier starts is not told twice.
  const isTold = readdirSync(folder).some((name) => name.startsWith(beginning));
  append(encodeEvents([configEvent(config, now()), ...(isTold ? [] : records.map(eventOf))]));
  return (record) => append(encodeMore([eventOf(record)]));
}
