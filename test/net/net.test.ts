// What revision 5736f2a made of settings, runs and agents is what today's code makes of them: see net.mjs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import * as cli from "../../packages/cli/src/index.ts";
import { runIdOf } from "../../packages/cli/src/running/run-folder.ts";
import { estimatorsFor } from "../../packages/flipnet/src/estimators/registry.ts";
import * as flipnet from "../../packages/flipnet/src/index.ts";
import { tasks } from "../../packages/flipnet/src/tasks/registry.ts";
import { createNet, readPinned } from "./net.mjs";
import { trainings } from "./settings.mjs";

const before = process.cwd();
const folder = mkdtempSync(join(tmpdir(), "flipnet-net-"));
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

const net = createNet({ ...flipnet, ...cli, runIdOf }, folder);
const { hashes, ids, changed, pinned } = readPinned();

/** What was not there at that revision, and has nothing to be compared with: estimators, and tasks that others came to serve. */
const later = [
  "muprop",
  "muprop-quadratic",
  "f-hnca-linear",
  "nvil",
  "arms",
  "disarm-tree",
  "disarm-sb",
  "carms",
  "arsm",
  "ugc",
  "go",
  "rodeo",
  "local-disarm",
  "double-cv",
  "vimco",
  "rebar",
  "relax",
  "reinmax",
  "concrete",
  "gumbel-softmax",
  "gumbel-rao",
  "vae straight-through",
];
const isOlder = (task: string, name: string) => !later.includes(name) && !later.includes(`${task} ${name}`);

describe("what was pinned", () => {
  it("is all that is tried", () => {
    expect(Object.keys(net.hashes)).toEqual(Object.keys(hashes));
    expect(Object.keys(net.ids)).toEqual(Object.keys(ids));
  });

  it("is of every estimator in every task that it serves", () => {
    const tried = new Set(Object.values(trainings).map(({ task, estimator }) => `${task} ${estimator}`));
    const all = tasks
      .filter(({ name }) => ["bandit", "multiplexer", "vae"].includes(name))
      .flatMap((task) =>
        estimatorsFor(task.offers).flatMap(({ name }) =>
          isOlder(task.name, name) ? `${task.name} ${name}` : [],
        ),
      );
    expect(all.filter((one) => !tried.has(one))).toEqual([]);
  });

  it("changed for a reason, and only where it says so", () => {
    const known: Record<string, unknown> = { ...hashes, ...ids };
    for (const [group, { because, values }] of Object.entries<{
      because: string;
      values: Record<string, unknown>;
    }>(changed)) {
      expect(because, group).toMatch(/^[A-Z].*\.$/);
      for (const [name, value] of Object.entries(values)) {
        expect(known, group).toHaveProperty([name]);
        expect(value, `${group}: ${name}`).not.toEqual(known[name]);
        known[name] = value;
      }
    }
  });
});

describe("today", () => {
  it.concurrent.each(Object.entries(net.hashes))("%s", async (name, value) => {
    expect(await value()).toEqual(pinned[name]);
  });
  it.each(Object.entries(net.ids))("%s", async (name, value) => expect(await value()).toBe(pinned[name]));
});
