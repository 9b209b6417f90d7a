import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encode } from "fast-png";
import { expect, it } from "vitest";
import { decodeGrey, pngFolder } from "../../src/data/png-folder.ts";
import { loadData } from "../../src/running/data.ts";
import { encodePng } from "../../src/samples/png.ts";
import { parseConfig } from "../../src/settings/config.ts";
import { temporaryFolders } from "../commands/flipnet.ts";

const temporary = temporaryFolders();

function write(path: string, content: Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** An image of one row. */
const png = (...grey: number[]) =>
  encode({ width: grey.length, height: 1, channels: 1, data: Uint8Array.from(grey) });

it("shades are grey, whatever kind of PNG they are in", async () => {
  const folder = temporary("kinds");
  const grey = async (content: Uint8Array) => [
    ...(await decodeGrey(write(join(folder, "image.png"), content))).grey,
  ];
  const image = (channels: number, depth: 1 | 8 | 16, data: Uint8Array | Uint16Array) =>
    encode({ width: data.length / channels, height: 1, channels, depth, data });
  expect(await grey(png(0, 100, 255))).toEqual([0, 100, 255]);
  expect(await grey(image(1, 16, Uint16Array.of(0, 65535)))).toEqual([0, 255]);
  expect(await grey(image(3, 8, Uint8Array.of(255, 255, 255, 255, 0, 0)))).toEqual([255, 76]);
  expect(await grey(image(4, 8, Uint8Array.of(255, 255, 255, 0, 255, 255, 255, 255)))).toEqual([0, 255]);
  expect(await grey(image(2, 8, Uint8Array.of(200, 255, 200, 0)))).toEqual([200, 0]);
  const palette = [
    [0, 0, 0],
    [255, 255, 255],
  ] as const;
  expect(await grey(encodePng(Uint8Array.of(1, 0, 1), { width: 3, height: 1, palette }))).toEqual([
    255, 0, 255,
  ]);
});

it("classes are folders, in the order of their names and numbers", async () => {
  const folder = temporary("sets");
  for (const [path, shade] of Object.entries({
    "train/10/a": 10,
    "train/9/a": 9,
    "train/9/b": 90,
    "test/10/a": 1,
  })) {
    write(join(folder, `${path}.png`), png(shade, shade));
  }
  const { train, test } = (await pngFolder(folder))!;
  expect([[...train.images], [...train.labels]]).toEqual([
    [9, 9, 90, 90, 10, 10],
    [0, 0, 1],
  ]);
  expect([[...test.images], [...test.labels], test.classes]).toEqual([[1, 1], [1], 2]);

  write(join(folder, "test/11/a.png"), png(0, 0));
  await expect(pngFolder(folder)).rejects.toThrow('has the class "11" to measure on and not to learn from');
});

it("without a set to measure on, every fifth of a class is; a run takes them as it takes IDX files", async () => {
  const folder = temporary("classes");
  for (let i = 1; i <= 10; i++) write(join(folder, i % 2 ? "cat" : "dog", `${i}.png`), png(i, 255));
  const { data } = await loadData(parseConfig({ data: folder }));
  expect(data).toMatchObject({ train: { count: 8, classes: 2, shape: [1, 2] }, test: { count: 2 } });
  expect((data as { test: { images: Uint8Array } }).test.images).toEqual(Uint8Array.of(9, 255, 10, 255));

  const wrong = write(join(folder, "cat", "0.png"), png(1, 2, 3));
  await expect(pngFolder(folder)).rejects.toThrow(
    `${join(folder, "cat", "1.png")} has 2 x 1 pixels; expected 3 x 1, as ${wrong}`,
  );
  write(wrong, new TextEncoder().encode("no image"));
  await expect(loadData(parseConfig({ data: folder }))).rejects.toThrow(`${wrong} cannot be read as PNG`);
});
