// The packages as a user gets them: packed, and installed into an empty folder.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

/** The environment without the settings of the `npm` that runs this program. */
export const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)),
);

/** What a program says and how it ends. */
export function run(program, parameters, options) {
  const { status, error, stdout, stderr } = spawnSync(program, parameters, {
    encoding: "utf8",
    env: environment,
    ...options,
  });
  return { ok: status === 0, stdout: stdout ?? "", stderr: error?.message ?? stderr ?? "" };
}

/** As `run`, for what has to work; returns what it prints. */
export function succeed(program, parameters, options) {
  const { ok, stdout, stderr } = run(program, parameters, options);
  if (!ok) throw new Error(`${program} ${parameters.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

/** Packs `packages/NAME`, as built, into a folder; returns the file. */
export function pack(name, folder) {
  const flags = ["--ignore-scripts", "--json", "--pack-destination", folder];
  const [{ filename }] = JSON.parse(succeed("npm", ["pack", join(root, "packages", name), ...flags]));
  return join(folder, filename);
}

/** Installs packages and files of packages into a folder. */
export const install = (folder, packages) =>
  run("npm", ["install", "--prefix", folder, ...packages, ...quiet], { cwd: folder });
const quiet = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];

/** An empty folder of a user's, with what is in `test/package/consumer`; it is removed when the program ends. */
export function createFolder() {
  const folder = mkdtempSync(join(tmpdir(), "flipnet-packed-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(root, "test/package/consumer"), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "name": "consumer", "private": true, "type": "module" }');
  return folder;
}
