/** What people call runs: a name, tags and a note. It stands in the run's folder, and decides nothing. */
import { InputError } from "flipnet/internal/formats/errors";
import { type RunLabels, runFiles, type StoredRun } from "./run-folder.ts";
import { replaceFile, writing } from "./storage.ts";

/** What is to change; an empty name or note takes away what was there. */
export interface LabelChanges {
  readonly name?: string | undefined;
  readonly note?: string | undefined;
  readonly tag: readonly string[];
  readonly untag: readonly string[];
}

/** @throws InputError for a tag or a name that cannot be used */
export function checkChanges({ name, tag, untag }: LabelChanges): void {
  for (const one of [...tag, ...untag]) {
    if (/^[^\s,=]{1,100}$/.test(one)) continue;
    throw new InputError(
      `the tag is ${JSON.stringify(one)}; expected a word without spaces, commas and equals signs`,
    );
  }
  if (name !== undefined && !/^\P{Cc}{0,200}$/u.test(name)) {
    throw new InputError(`the name is ${JSON.stringify(name)}; expected a text of one line`);
  }
}

/** Writes a run's labels anew. @returns what they are now */
export async function labelRun({ folder, labels }: StoredRun, changes: LabelChanges): Promise<RunLabels> {
  const { name = labels.name, note = labels.note, tag, untag } = changes;
  const tags = [...new Set([...labels.tags, ...tag])].filter((one) => !untag.includes(one)).sort();
  const changed = { ...(name && { name }), tags, ...(note && { note }) };
  const path = runFiles(folder).labels;
  await writing(path, replaceFile(path, `${JSON.stringify(changed, undefined, 2)}\n`));
  return changed;
}
