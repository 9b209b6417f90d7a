// Which runs there are: by settings, by what they came to; and their removal.
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { flipnet, jsonLines, temporaryFolders } from "./flipnet.ts";

const folder = temporaryFolders()("runs");
const list = async (...flags: string[]) => {
  const result = await flipnet(["runs", folder, "--json", ...flags]);
  return { ...result, rows: result.code === 0 ? jsonLines(result.stdout) : [] };
};

it("lists, filters, sorts and removes", async () => {
  for (const seed of ["0", "1", "2"]) {
    const board = ["--task", "grid-world", "--steps", "20", "--record-every", "10", "--seed", seed];
    expect(await flipnet(["train", ...board, "--out", folder, "--quiet"])).toMatchObject({ code: 0 });
  }
  const { rows } = await list();
  expect(rows).toHaveLength(3);
  expect(rows[0]).toMatchObject({
    task: "grid-world",
    records: 2,
    length: 20,
    finished: true,
    metric: "return",
  });
  expect(rows[0].bytes).toBeGreaterThan(1000);
  const values = (await list("--sort", "return")).rows.map(({ value }) => value);
  expect(values).toEqual(values.toSorted((a, b) => b - a));
  expect((await list("--where", "seed=1", "--where", "hidden=32")).rows.map(({ seed }) => seed)).toEqual([1]);
  expect((await list("--where", "seeds=1")).stderr).toBe(
    'error: seeds is no setting of these runs; did you mean "seed"?\n',
  );
  expect((await list("--sort", "retrun")).stderr).toContain('did you mean "return"?');
  expect(await list("--where", "seed")).toMatchObject({ code: 2 });

  const [one, two, three] = rows.map(({ folder }) => folder);
  // Somebody writes it: this very process.
  writeFileSync(
    join(one, "lock"),
    JSON.stringify({ pid: process.pid, host: hostname(), beats: true, id: "other" }),
  );
  expect(await flipnet(["runs", one, "--remove"])).toMatchObject({ code: 2 });
  expect(existsSync(join(one, "config.json"))).toBe(true);
  symlinkSync(two, join(folder, "..", "link"));
  expect(await flipnet(["runs", join(folder, "..", "link"), "--remove"])).toMatchObject({ code: 2 });
  expect(existsSync(join(two, "lock"))).toBe(false);
  const removed = await flipnet(["runs", three, "--remove"]);
  expect(removed).toMatchObject({ code: 0 });
  expect(existsSync(three)).toBe(false);
  expect((await list()).rows).toHaveLength(2);
});
