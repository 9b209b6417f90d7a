// What docs/cli.md says of the settings is what there is.
import { readFileSync } from "node:fs";
import { tasks } from "flipnet/internal/tasks/registry";
import { describe, expect, it } from "vitest";
import { settingsOf } from "../src/settings/described.ts";
import { flagOf } from "../src/settings/flag.ts";
import { flipnet } from "./commands/flipnet.ts";

const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
const table = page.slice(page.indexOf("| setting | flag"), page.indexOf("### Hidden layers"));
const rows = table
  .trimEnd()
  .split("\n")
  .slice(2)
  .map((row) => row.split(" | ").map((cell) => cell.replace(/^\| ?/, "")));
const wordsIn = (cell: string) => [...cell.matchAll(/`([^` ]+)[^`]*`/g)].map(([, word]) => word);

const known = [
  "task",
  "estimator",
  "preset",
  ...new Set(tasks.flatMap((task) => Object.keys(settingsOf(task)))),
];

describe("the table of settings", () => {
  it("has every setting, and no other", () => {
    const told = rows.flatMap(([names]) => wordsIn(names));
    expect(told.toSorted()).toEqual(known.toSorted());
  });

  it("names the flags that there are", async () => {
    const { stdout } = await flipnet(["help", "train"]);
    const flags = new Set(stdout.match(/(?<=^ {2})--[\w-]+/gm));
    for (const [names, cell] of rows) {
      const own = wordsIn(names).flatMap((name) => [flagOf(name), flagOf(name, true)]);
      for (const flag of wordsIn(cell)) {
        if (flag === "--preset" || flag === "...") continue;
        expect(own, names).toContain(flag);
        expect(flags, names).toContain(flag);
      }
    }
    for (const name of known) {
      if (["beta1", "beta2", "epsilon", "baselineDecay"].includes(name)) continue;
      expect(
        [...flags].some((flag) => [flagOf(name), flagOf(name, true)].includes(flag)),
        name,
      ).toBe(true);
    }
  });

  it("names the tasks that a setting is of, and every task", () => {
    for (const [names, , , says] of rows) {
      for (const name of wordsIn(names)) {
        const having = tasks.filter((task) => name in settingsOf(task)).map((task) => task.name);
        if (having.length === tasks.length || !tasks.some((task) => name in task.settings)) continue;
        for (const task of having) expect(says, name).toContain(task);
      }
    }
    const [, , first, others] = rows.find(([names]) => names.includes("`task`"))!;
    for (const { name } of tasks) expect(first + others).toContain(`\`${name}\``);
  });

  it("has the defaults of numbers", () => {
    for (const task of tasks) {
      for (const [name, { default: usual }] of Object.entries(settingsOf(task))) {
        if (typeof usual !== "number") continue;
        const row = rows.find(([names]) => wordsIn(names).includes(name))!;
        const said = row[2].match(/\d[\d.e-]*/g)?.map(Number) ?? [];
        expect(said, `${name} of ${task.name}`).toContain(usual);
      }
    }
  });
});
