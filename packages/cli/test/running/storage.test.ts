import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it } from "vitest";
import { appendTo, makeFolder, replaceFile, StorageError, writing } from "../../src/running/storage.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-storage-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "storage-"));
});

it("replaces a link and not what it leads to", async () => {
  const [notes, page] = [join(folder, "notes"), join(folder, "page")];
  writeFileSync(notes, "precious");
  symlinkSync(notes, page);
  // The name that earlier versions wrote under.
  symlinkSync(notes, `${page}.tmp`);
  await replaceFile(page, "new");
  expect([readFileSync(page, "utf8"), readFileSync(notes, "utf8")]).toEqual(["new", "precious"]);
});

it("leaves a file whole whoever else writes it", async () => {
  const path = join(folder, "file");
  const texts = ["a", "b", "c"].map((letter) => letter.repeat(100_000));
  await replaceFile(path, texts[0]);
  let writing = true;
  const reads: string[] = [];
  const reader = (async () => {
    while (writing) reads.push(await readFile(path, "utf8"));
  })();
  await Promise.all(
    texts.map(async (text) => {
      for (let i = 0; i < 15; i++) await replaceFile(path, text);
    }),
  );
  writing = false;
  await reader;
  expect(reads.length).toBeGreaterThan(0);
  expect(reads.filter((text) => !texts.includes(text))).toEqual([]);
  expect(readdirSync(folder)).toEqual(["file"]);
});

it("leaves nothing where nothing can be written", async () => {
  mkdirSync(join(folder, "there"));
  await expect(replaceFile(join(folder, "there"), "text")).rejects.toThrow(/EISDIR/);
  expect(readdirSync(folder)).toEqual(["there"]);
});

it("adds to a file of that name only", async () => {
  const [notes, log] = [join(folder, "notes"), join(folder, "log")];
  writeFileSync(notes, "precious");
  symlinkSync(notes, log);
  await expect(appendTo(log, "more")).rejects.toThrow(/ELOOP/);
  expect(readFileSync(notes, "utf8")).toBe("precious");
});

it.runIf(existsSync("/proc/self"))("comes back where a file system takes no folders", async () => {
  await expect(makeFolder("/proc/flipnet/a/b")).rejects.toThrow(/ENOENT|EACCES|EPERM/);
});

it("says what is wrong with a disk, and what with a place", async () => {
  const failing = (code: string) => writing("f", Promise.reject(Object.assign(new Error(code), { code })));
  await expect(failing("ENOSPC")).rejects.toThrow(StorageError);
  await expect(failing("EIO")).rejects.toThrow(
    "f cannot be written (EIO); what was saved before is as it was",
  );
  await expect(failing("EROFS")).rejects.toThrow("f cannot be written (EROFS); expected a place that can be");
});
