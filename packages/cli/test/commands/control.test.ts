// Environments of the user's own on the command line.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { flipnet, jsonLines, temporaryFolders } from "./flipnet.ts";

const library = pathToFileURL(join(import.meta.dirname, "../../../flipnet/dist/index.js")).href;
const temporary = temporaryFolders();

/** Whoever goes right ten times is paid; it throws, once it is told to by a file beside it. */
const source = `
  import { existsSync } from "node:fs";
  import { steppable } from "flipnet";
  const trouble = new URL("trouble", import.meta.url);
  const make = () => {
    let place = 0;
    return {
      reset(seed) {
        place = seed % 3;
        return [place];
      },
      step(action) {
        if (existsSync(trouble)) throw new Error("out of order");
        place += action;
        return { observation: [place / 10], reward: place >= 10 ? 1 : 0, ended: place >= 10 };
      },
    };
  };
  export default steppable(make, { name: "corridor", inputs: 1, actions: 2, limit: 30 });
`;

it("one from a file is trained in, goes on where it was, and is told by its digest", async () => {
  const out = temporary("corridor");
  const file = join(out, "corridor.mjs");
  // Outside of the repository "flipnet" is nothing that is installed.
  writeFileSync(file, source.replace('"flipnet"', JSON.stringify(library)));
  const train = (steps: number, ...more: string[]) =>
    flipnet([
      ...["train", "--task", "control", "--environment", file, "--hidden", "4", "--critic", "linear"],
      ...["--steps", `${steps}`, "--record-every", "50", "--out", out, "--json", "--quiet", ...more],
    ]);
  const whole = jsonLines((await train(200, "--seed", "1")).stdout);
  expect(whole.at(-1)).toMatchObject({ type: "summary", return: expect.any(Number) });
  const { folder } = whole.at(-1);
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  expect(config).toMatchObject({
    environment: file,
    environmentDigest: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  // In two parts, in the middle of an episode: another order of runs, the same numbers.
  const other = ["--seed", "1", "--out", join(out, "parts")];
  await train(100, ...other);
  const parts = jsonLines((await train(200, ...other, "--resume")).stdout);
  const values = (records: Record<string, unknown>[]) =>
    records.slice(0, 4).map(({ step, episodes, return: value }) => [step, episodes, value]);
  expect(values(parts)).toEqual(values(whole));

  writeFileSync(join(out, "trouble"), "");
  const failed = await train(300, "--seed", "1", "--resume");
  expect(failed).toMatchObject({ code: 1 });
  expect(failed.stderr).toMatch(/^error: corridor fails at step \d+ of an episode: out of order\n$/);
  const kept = await flipnet(["train", folder, "--steps", "200", "--json", "--quiet"]);
  expect(values(jsonLines(kept.stdout))).toEqual(values(whole));
});

it("an episode becomes a film, and the policy a graph", async () => {
  const out = temporary("film");
  const run = async (environment: string) => {
    const small = ["--hidden", "4", "--critic", "linear", "--steps", "60", "--record-every", "60"];
    const args = ["train", "--task", "control", "--environment", environment, ...small, "--out", out];
    return jsonLines((await flipnet([...args, "--json", "--quiet"])).stdout).at(-1).folder;
  };
  for (const environment of ["cart-pole", "acrobot", "mountain-car", "grid-world"]) {
    const folder = await run(environment);
    expect(await flipnet(["film", folder, "--seed", "3"])).toMatchObject({ code: 0, stderr: "" });
    const svg = readFileSync(join(folder, "film.svg"), "utf8");
    const [, steps] = new RegExp(`<title>${environment}: (\\d+) steps, return [\\d.-]+, (ended|cut)`).exec(
      svg,
    )!;
    for (const [, values] of svg.matchAll(/ values="([^"]+)"/g)) {
      expect(values.split(";")).toHaveLength(Number(steps) + 1);
      expect(values).toMatch(/^[\d.; -]+$/);
    }
    // Again, over the one that it wrote.
    if (environment !== "cart-pole") continue;
    expect(await flipnet(["film", folder])).toMatchObject({ code: 0 });
    expect(await flipnet(["export", folder, "--format", "onnx"])).toMatchObject({ code: 0 });
  }
  const other = await run("bandit");
  expect(await flipnet(["film", other])).toEqual({
    ...{ code: 2, stdout: "" },
    stderr: `error: ${other} is a run of bandit; expected one of cart-pole, acrobot, mountain-car, grid-world\n`,
  });
});

it("a file that is none is refused in a sentence", async () => {
  const file = join(temporary("none"), "none.mjs");
  writeFileSync(file, "export const nothing = 1;\n");
  const refused = await flipnet(["train", "--task", "control", "--environment", file]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toBe(
    `error: the environment file ${file} exports none of environments; expected a default export, or one that has reset, step, ended and observe, as steppable makes them\n`,
  );
});
