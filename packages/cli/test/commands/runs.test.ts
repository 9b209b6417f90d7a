// Which runs there are: by settings, by what they came to; and their removal.
import { existsSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
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
    expect(await flipnet(["train", ...board, "--out", folder, "--quiet", "--tensorboard"])).toMatchObject({
      code: 0,
    });
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
  // The curves as the run went: the same events as are made of it afterwards, at times of their own.
  const [events] = readdirSync(rows[0].folder).filter((name) => name.startsWith("events.out.tfevents."));
  await flipnet(["export", rows[0].folder, "--format", "tensorboard", "--out", join(folder, "..", "tb")]);
  const exported = readdirSync(join(folder, "..", "tb"), { recursive: true }).map(String);
  const [made] = exported.filter((name) => name.includes("events.out"));
  const sizes = [join(rows[0].folder, events), join(folder, "..", "tb", made)].map(
    (path) => statSync(path).size,
  );
  expect(sizes[0]).toBe(sizes[1]);
  const values = (await list("--sort", "return")).rows.map(({ value }) => value);
  expect(values).toEqual(values.toSorted((a, b) => b - a));
  expect((await list("--where", "seed=1", "--where", "hidden=32")).rows.map(({ seed }) => seed)).toEqual([1]);
  expect((await list("--where", "seeds=1")).stderr).toBe(
    'error: seeds is no setting of these runs; did you mean "seed"?\n',
  );
  expect((await list("--sort", "retrun")).stderr).toContain('did you mean "return"?');
  expect(await list("--where", "seed")).toMatchObject({ code: 2 });

  // What people call them: it stays with the run, and makes no other of it.
  const called = ["--name", "the first", "--tag", "paper", "--tag", "draft", "--note", "as in the mail"];
  expect((await list("--where", "seed=1", ...called)).rows).toMatchObject([
    { seed: 1, name: "the first", tags: ["draft", "paper"], note: "as in the mail" },
  ]);
  await list("--where", "tag=draft", "--untag", "draft", "--note", "");
  const [again] = (await list("--where", "name=the first", "--where", "tag=paper")).rows;
  expect(again).toMatchObject({ seed: 1, tags: ["paper"], runId: rows.find(({ seed }) => seed === 1).runId });
  expect(again).not.toHaveProperty("note");
  expect((await flipnet(["runs", folder])).stdout).toContain("the first  paper");
  expect(await list("--tag", "two words")).toMatchObject({ code: 2 });

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
