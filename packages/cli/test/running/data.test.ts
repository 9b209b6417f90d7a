import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeIdx } from "flipnet/internal/formats/idx";
import { expect, it } from "vitest";
import { loadData } from "../../src/running/data.ts";
import { trainRun } from "../../src/running/runs.ts";
import { sampleRun } from "../../src/samples/samples.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { temporaryFolders } from "../commands/flipnet.ts";

const temporary = temporaryFolders();

/** A folder with four training and four test images. */
function folderOf(name: string, shape: number[], labels: number[], lit = 255): string {
  const folder = temporary(name);
  mkdirSync(folder, { recursive: true });
  const pixels = shape.reduce((a, b) => a * b);
  const images = Uint8Array.from({ length: 4 * pixels }, (_, i) => (i % 3 === 0 ? lit : 0));
  for (const set of ["train", "t10k"]) {
    writeFileSync(join(folder, `${set}-images-idx3-ubyte`), writeIdx([4, ...shape], images));
    writeFileSync(join(folder, `${set}-labels-idx1-ubyte`), writeIdx([4], Uint8Array.from(labels)));
  }
  return folder;
}

it.each([
  ["of all classes and shades", [0, 1, 2, 0], 255, []],
  [
    "whose labels begin at 1",
    [1, 2, 4, 1],
    255,
    ["no training image has the label 0, 3; there are 5 classes, as the highest label says"],
  ],
  [
    "of bits in place of bytes",
    [0, 1, 2, 0],
    1,
    ["no byte of the training images is above 1, which is all but black; white is 255"],
  ],
])("says what is strange about images %s", async (name, labels, lit, notes) => {
  const data = folderOf(name, [2, 2], labels, lit);
  expect((await loadData(parseConfig({ data }))).notes).toEqual(notes);
});

it("draws images of one channel", async () => {
  const data = folderOf("channel", [3, 2, 1], [0, 1, 0, 1]);
  const config = { task: "vae", data, hidden: [2], batchSize: 2, epochs: 1, boundSamples: 1 };
  const { folder } = await trainRun(parseConfig({ ...config, out: temporary("runs") }));
  const sheet = await sampleRun(folder, { count: 2, columns: 2, seed: 0 });
  expect([sheet.height, sheet.width]).toEqual([3, 2]);
});
