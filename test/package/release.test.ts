// What a release has to be: two packages of one version that are packed, installed together, and work.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { publint } from "publint";
import { beforeAll, describe, expect, it } from "vitest";
import { createFolder, pack, root, run, succeed } from "../../scripts/lib/packed.mjs";

const folder = createFolder();
const packages = ["flipnet", "cli"] as const;
const read = (...path: string[]) => readFileSync(join(root, ...path), "utf8");
/** Those, and the native kernels, which are built elsewhere. */
const released = [...packages, "native"];
const manifests = Object.fromEntries(
  released.map((name) => [name, JSON.parse(read("packages", name, "package.json"))]),
);
const { version } = manifests.flipnet;

let tarballs: Record<string, string>;
beforeAll(() => {
  tarballs = Object.fromEntries(packages.map((name) => [name, pack(name, folder)]));
  const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
  succeed("npm", ["install", ...Object.values(tarballs), ...flags], { cwd: folder });
});

describe("the packages", () => {
  it("have one version, and the command line asks for the library of exactly that", () => {
    for (const name of released) expect(manifests[name].version).toBe(version);
    // It uses `flipnet/internal`, which changes from version to version.
    expect(manifests.cli.dependencies.flipnet).toBe(version);
  });

  it("are found by bundlers that do not look at exports, too", () => {
    const { main, types, exports } = manifests.flipnet;
    expect({ types, default: main }).toEqual(exports["."]);
  });

  it("ask for what the repository asks for, under its license", () => {
    const { engines, license } = JSON.parse(read("package.json"));
    for (const name of released) {
      expect(manifests[name]).toMatchObject({ engines, license });
      expect(read("packages", name, "LICENSE")).toBe(read("LICENSE"));
    }
  });

  it("are the version that the changes and the citation speak of", () => {
    expect(read("CHANGELOG.md")).toContain(`\n## ${version}`);
    expect(read("CITATION.cff")).toContain(`\nversion: ${version}\n`);
  });

  it("share one library", () => {
    const installed = join(folder, "node_modules");
    expect(existsSync(join(installed, "flipnet"))).toBe(true);
    expect(existsSync(join(installed, "@flipnet/cli/node_modules"))).toBe(false);
  });

  it.each(packages)("%s is packed as publint wants it", async (name) => {
    const bytes = readFileSync(tarballs[name]);
    const { messages } = await publint({
      pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer },
      strict: true,
    });
    expect(messages).toEqual([]);
  });

  it.each(packages)("%s resolves to the right types, says attw", (name) => {
    const attw = join(root, "node_modules/.bin/attw");
    // Bytes have no types.
    const bytes = ["--exclude-entrypoints", "./kernels/portable.wasm", "./kernels/relaxed.wasm"];
    const flags = ["--profile", "esm-only", "--no-color", "--no-emoji", ...bytes];
    succeed(attw, [tarballs[name], ...flags], { cwd: folder });
  });
});

describe("the command", () => {
  const flipnet = (...words: string[]) =>
    succeed("npx", ["--no-install", "flipnet", ...words], { cwd: folder });

  it("says its version", () => expect(flipnet("--version")).toBe(`${version}\n`));

  it("trains a run, and an API reads it", () => {
    const settings = "--task multiplexer --k 2 --hidden 4 --steps 20 --record-every 10 --quiet".split(" ");
    flipnet("train", ...settings, "--out", "runs");
    const program = `import { listRuns } from "@flipnet/cli";
      console.log((await listRuns("runs")).map(({ summary }) => summary !== undefined).join());`;
    expect(succeed(process.execPath, ["--input-type=module", "-e", program], { cwd: folder })).toBe("true\n");
  });

  it("knows the papers' experiments", () => {
    const words = ["--no-install", "flipnet", "reproduce", "hnca-figure"];
    const { stderr } = run("npx", words, { cwd: folder });
    expect(stderr).toMatch(/^error: .*hnca-figure-1/);
  });
});
