// The library as it is built in this folder, and as another revision of it builds.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname, "../..");
const run = (folder, command, ...args) =>
  execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const jsonIn = (...path) => JSON.parse(readFileSync(join(...path), "utf8"));

/** The library's own folder within a checkout: it was a package alone before it was one of several. */
function libraryIn(checkout) {
  const folder = join(checkout, "packages", "flipnet");
  return existsSync(folder) ? folder : checkout;
}

/** The public API of a library in a folder, as built. */
const load = (folder) =>
  import(pathToFileURL(join(folder, jsonIn(folder, "package.json").exports["."].default)));

/** The library of this folder. */
export const loadCurrent = () => load(libraryIn(root));

/**
 * The library of a revision, built the first time and kept in `bench/results/revisions`: `{ commit, library }`.
 *
 * @throws Error where there is no such revision, or it does not build
 */
export async function loadRevision(revision, onBuild) {
  const commit = commitOf(revision);
  const kept = join(root, "bench", "results", "revisions", commit);
  if (!existsSync(kept)) {
    onBuild();
    build(commit, kept);
  }
  return { commit, library: await load(kept) };
}

function commitOf(revision) {
  try {
    return run(root, "git", "rev-parse", "--verify", "--quiet", `${revision}^{commit}`).trim();
  } catch (cause) {
    throw new Error(`--against is "${revision}"; expected a revision of this repository`, { cause });
  }
}

/** Checks out, installs and builds in a temporary folder, and keeps no more than the built library. */
function build(commit, kept) {
  const checkout = mkdtempSync(join(tmpdir(), "flipnet-revision-"));
  try {
    const archive = join(checkout, "revision.tar");
    run(root, "git", "archive", "--output", archive, commit);
    run(checkout, "tar", "-xf", archive);
    install(checkout);
    run(checkout, "npm", "run", "build");
    const library = libraryIn(checkout);
    const half = `${kept}.half`;
    rmSync(half, { recursive: true, force: true });
    mkdirSync(half, { recursive: true });
    for (const name of ["package.json", "dist"])
      cpSync(join(library, name), join(half, name), { recursive: true });
    renameSync(half, kept);
  } catch (cause) {
    const said = `${cause.stdout ?? ""}${cause.stderr ?? ""}` || cause.message;
    throw new Error(`revision ${commit} cannot be built:\n${said}`, { cause });
  } finally {
    rmSync(checkout, { recursive: true, force: true });
  }
}

/** The packages of this folder where they are the same. Workspaces would find each other's packages of this folder. */
function install(checkout) {
  const lock = (folder) => readFileSync(join(folder, "package-lock.json"), "utf8");
  const same = lock(root) === lock(checkout) && jsonIn(checkout, "package.json").workspaces === undefined;
  if (same) symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"), "junction");
  else run(checkout, "npm", "ci", "--prefer-offline", "--no-audit", "--no-fund");
}
