import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { estimators } from "flipnet";
import { describeNeeds } from "flipnet/internal/estimators/needs";
import { describe, expect, it } from "vitest";
import { flipnet, flipnetAlone, jsonLines, main, temporaryFolders } from "./flipnet.ts";

const temporary = temporaryFolders();

describe("flipnet", () => {
  it("says its version", async () => {
    const { version } = JSON.parse(readFileSync("packages/cli/package.json", "utf8"));
    expect(await flipnet(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("helps on stdout when asked", async () => {
    const { code, stdout, stderr } = await flipnet(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const command of ["train", "sample", "export", "audit", "estimators"])
      expect(stdout).toMatch(new RegExp(`^ +${command}`, "m"));
    const train = await flipnet(["help", "train"]);
    expect(train.code).toBe(0);
    const flags =
      "task estimator baseline hidden layers units epochs batch-size learning-rate optimizer seed data out backend kernels threads resume limit json";
    for (const flag of flags.split(" ")) expect(train.stdout).toContain(`--${flag}`);
  });

  it("helps on stderr, with exit 2, when it is called without a command", async () => {
    const { code, stdout, stderr } = await flipnet([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: flipnet/);
  });

  it("suggests a command", async () => {
    const { code, stderr } = await flipnet(["trian"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/unknown command 'trian'\n\(Did you mean train\?\)/);
  });

  it("uses colours only where they are wanted", async () => {
    const colour = "\u001b[";
    const plain = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined };
    const stdoutWith = async (env: NodeJS.ProcessEnv) => (await flipnetAlone(["estimators"], { env })).stdout;
    expect(await stdoutWith(plain)).not.toContain(colour);
    expect(await stdoutWith({ ...plain, FORCE_COLOR: "1" })).toContain(colour);
    expect(await stdoutWith({ ...plain, FORCE_COLOR: "1", NO_COLOR: "1" })).not.toContain(colour);
  });
});

describe("flipnet estimators", () => {
  it("is the registry as a table", async () => {
    const { code, stdout, stderr } = await flipnet(["estimators"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
    const all = stdout.replace(/\s+/g, " ");
    for (const { name, title, why, paper, needs, cost, takes } of estimators) {
      expect(stdout).toMatch(new RegExp(`^${name} +\\S.* (un)?biased$`, "m"));
      for (const said of [
        title,
        why,
        `paper: ${paper}`,
        `needs: ${describeNeeds(needs)}`,
        `costs: ${cost}`,
      ]) {
        expect(all).toContain(said);
      }
      for (const [option, { says }] of Object.entries(takes)) expect(all).toContain(`${option}: ${says}`);
    }
  });

  it("is the registry as JSON", async () => {
    const { stdout } = await flipnet(["estimators", "--json"]);
    const found = JSON.parse(stdout);
    expect(found).toHaveLength(estimators.length);
    estimators.forEach(({ name, paper, unbiased, options }, i) => {
      expect(found[i]).toMatchObject(JSON.parse(JSON.stringify({ name, paper, unbiased, options })));
    });
  });

  it("ends quietly when nobody reads on", () => {
    const shell = `"${process.execPath}" "${main}" estimators | true`;
    const { stderr } = spawnSync("sh", ["-c", shell], { encoding: "utf8" });
    expect(stderr).toBe("");
  });
});

describe("flipnet audit", () => {
  const golden = resolve(import.meta.dirname, "../../../flipnet/test/audit/golden/zero-one-2-hidden.json");
  const { spec, expected } = JSON.parse(readFileSync(golden, "utf8"));
  const path = join(temporary("audit"), "spec.json");
  writeFileSync(path, JSON.stringify(spec));

  it("prints the report as JSON", async () => {
    for (const [backend, digits] of [
      ["reference", 9],
      ["wasm", 4],
    ] as const) {
      const { code, stdout, stderr } = await flipnet(["audit", path, "--json", "--backend", backend]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const [report] = jsonLines(stdout);
      expect(report.estimators.hnca.meanVariance).toBeCloseTo(expected.estimators.hnca.meanVariance, digits);
      expect(report.estimators.hnca.bias).toBeLessThan(10 ** -digits);
    }
  });

  it("prints a table", async () => {
    const { code, stdout } = await flipnet(["audit", path]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^estimator +bias +mean variance/);
    expect(stdout).toMatch(/^hnca +\d/m);
  });

  it("prints the ELBO of an auto-encoder above the table", async () => {
    const elbo = resolve(import.meta.dirname, "../../../flipnet/test/audit/golden/elbo-1-layer.json");
    const { code, stdout } = await flipnet(["audit", elbo, "--estimators", "reinforce,f-hnca"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^ELBO -4\.628257; largest entry of the exact gradient: encoder 0\.\d+, decoder 0\.\d+\n/,
    );
    expect(stdout).toMatch(/^estimator +bias +decoder bias +mean variance/m);
    expect(stdout).toMatch(/^f-hnca +\d.* 0\.29 % +enumeration$/m);
  });

  it.each([
    ["a missing spec", ["nowhere.json"], /^error: the spec nowhere\.json cannot be read \(ENOENT\)\n$/],
    ["a spec that is not JSON", [resolve("LICENSE")], /^error: the spec \S+LICENSE is not JSON: .*\n$/],
    ["a spec that is another thing", [resolve("package.json")], /^error: .*\n$/],
    [
      "an unknown backend",
      [path, "--backend", "gpu"],
      /argument 'gpu' is invalid. Allowed choices are reference, wasm/,
    ],
  ])("%s is one sentence, and exit 2", async (_, args, sentence) => {
    const { code, stdout, stderr } = await flipnet(["audit", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(sentence);
  });
});
