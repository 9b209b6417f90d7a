// `flipnet measure` on a small run: the same estimators at its checkpoint and along its training.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { flipnet, jsonLines, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();
let folder = "";
beforeAll(async () => {
  const args = "train --task vae --limit 200 --hidden 5,4 --epochs 2 --bound-samples 2 --json --quiet".split(
    " ",
  );
  const { stdout, stderr } = await flipnet([...args, "--out", temporary("run")]);
  folder = String(jsonLines(stdout).at(-1)?.folder);
  expect(existsSync(folder), stderr).toBe(true);
});

const few = ["--batches", "20", "--warm-up", "0", "--estimators", "f-hnca,disarm:samples=4"];

it("measures the same at the checkpoint as along a training, and draws", async () => {
  const figure = join(temporary("figure"), "measure.svg");
  const [at, along] = await Promise.all([
    flipnet(["measure", folder, ...few, "--json", "--figure", figure]),
    flipnet(["measure", folder, ...few, "--json", "--every", "2"]),
  ]);
  expect(at.code, at.stderr).toBe(0);
  const [[here], [first, last]] = [at, along].map(({ stdout }) => JSON.parse(stdout));
  expect([here.epoch, first.epoch, last.epoch]).toEqual([2, 0, 2]);
  const numbers = ({ measurement }: typeof here) =>
    Object.fromEntries(
      measurement.estimators.map(({ label, exampleVariance, batchVariance, cosine }: typeof here) => [
        label,
        { exampleVariance, batchVariance, cosine },
      ]),
    );
  expect(Object.keys(numbers(here)).sort()).toEqual(["disarm:samples=4", "f-hnca"]);
  expect(numbers(last)).toEqual(numbers(here));
  expect(numbers(first)).not.toEqual(numbers(here));
  expect(readFileSync(figure, "utf8")).toMatch(/disarm:samples=4[\s\S]*<\/svg>/);
});

it("prints a table; what makes no sense is one sentence", async () => {
  const { stdout, code } = await flipnet(["measure", folder, ...few]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^after 2 epochs: 20 batches, held against f-hnca-linear; /);
  expect(stdout).toMatch(/ {2}an hour leaves\n/);
  const wrong = await Promise.all([
    flipnet(["measure", folder, "--estimators", "hnca"]),
    flipnet(["measure", folder, "--epochs", "3"]),
    flipnet(["measure", folder, "--batches", "3"]),
  ]);
  expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2]);
  expect(wrong[0].stderr).toContain("hnca needs the last layer's reward");
  expect(wrong[1].stderr).toContain("--epochs is 3 without --every; expected both");
});
