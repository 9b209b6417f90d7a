// Compiles kernels/index.ts with portable and with relaxed SIMD, both at a time, unless nothing has changed since the
// last time. Each module is written twice: as bytes (`dist/kernels/KIND.wasm`), for hosts that compile nothing when they
// run, and deflated, in base64, as a TypeScript file that Node, a bundler and a browser load alike: 26 kB on their way,
// where digits that are not deflated are 29 when a server has compressed them. A third file says what the kernels take, as
// AssemblyScript declares it.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { deflateRawSync, inflateRawSync } from "node:zlib";

const kinds = { portable: ["simd"], relaxed: ["simd", "relaxed-simd"] };
const generated = "src/backend/generated";
const built = "dist/kernels";

if (isMainThread) await build();
else parentPort.postMessage(await compile(workerData));

async function build() {
  await Promise.all([generated, built].map((folder) => mkdir(folder, { recursive: true })));
  const version = await versionOf();
  const last = `${generated}/version.ts`;
  if (existsSync(last) && readFileSync(last, "utf8").includes(version)) {
    for (const kind of Object.keys(kinds)) {
      const [, text] = /"(.*)"/.exec(await readFile(`${generated}/${kind}.ts`, "utf8"));
      await writeFile(`${built}/${kind}.wasm`, inflateRawSync(Buffer.from(text, "base64")));
    }
    return;
  }
  const results = await Promise.all(Object.keys(kinds).map(compileElsewhere));
  for (const { kind, bytes } of results) {
    const module = Buffer.concat([bytes, labelOf(kind, version)]);
    await writeFile(`${built}/${kind}.wasm`, module);
    // Tables of a smaller piece each suit these modules best: of all memory levels 5 gives the fewest bytes.
    const text = deflateRawSync(module, { level: 9, memLevel: 5 }).toString("base64");
    await writeFile(
      `${generated}/${kind}.ts`,
      `/** The ${kind}-SIMD kernels; made by scripts/build-kernels.mjs. */\nexport const ${kind}: string =\n  "${text}";\n`,
    );
    console.error(`kernels: ${kind} ${module.length} bytes`);
  }
  const declarations = declarationsFrom(results[0].declarations);
  const operands = createHash("sha256").update(declarations).digest("hex").slice(0, 16);
  await writeFile(`${generated}/kernels.ts`, declarations);
  await writeFile(
    last,
    `/** A digest of the kernels' sources, which each module has in a section of its own. */\nexport const version: string = "${version}";\n/** A digest of what they take, by which native kernels know that they take the same. */\nexport const operands: string = "${operands}";\n`,
  );
}

/** Of the kernels: a digest of all that they are made of. */
async function versionOf() {
  const sources = (await readdir("kernels")).filter((name) => name.endsWith(".ts")).sort();
  const { version: assemblyscript } = createRequire(import.meta.url)("assemblyscript/package.json");
  const hash = createHash("sha256")
    .update(assemblyscript)
    .update(await readFile(import.meta.filename));
  for (const name of sources) hash.update(name).update(await readFile(`kernels/${name}`));
  return hash.digest("hex").slice(0, 16);
}

async function compileElsewhere(kind) {
  const worker = new Worker(new URL(import.meta.url), { workerData: kind });
  const [result] = await once(worker, "message");
  if (result.problem === undefined) return { kind, ...result };
  console.error(result.problem);
  process.exit(1);
}

async function compile(kind) {
  const { default: asc } = await import("assemblyscript/asc");
  let bytes;
  let declarations;
  const { error, stderr } = await asc.main(
    [
      "kernels/index.ts",
      ...kinds[kind].flatMap((feature) => ["--enable", feature]),
      "--runtime",
      "stub",
      "--importMemory",
      "--noAssert",
      "-O3",
      "--bindings",
      "raw",
      "--outFile",
      "kernels.wasm",
    ],
    {
      writeFile(file, contents) {
        if (file.endsWith(".wasm")) bytes = contents;
        if (file.endsWith(".d.ts")) declarations = contents;
      },
    },
  );
  return error ? { problem: stderr.toString() } : { bytes, declarations };
}

/** A custom section of a module, named `flipnet`: it says of which kind and version the kernels are. */
function labelOf(kind, version) {
  const name = "flipnet";
  const content = Buffer.from(`${String.fromCharCode(name.length)}${name}${kind} ${version}`);
  if (content.length > 127) throw new Error("a longer section has its length in two bytes");
  return Buffer.concat([Buffer.of(0, content.length), content]);
}

function declarationsFrom(declarations) {
  // Each function has a comment with a line `@param name \`type\`` for each of its parameters.
  const kernels = [
    ...declarations.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export function (\w+)\([^)]*\): (\w+);/g),
  ].map(([, comment, name, result]) => ({
    name,
    result,
    parameters: [...comment.matchAll(/@param (\w+) `(\w+)`/g)].map(([, parameter, type]) => ({
      parameter,
      type,
    })),
  }));
  return [
    "/** What the kernels take, as AssemblyScript declares it; made by scripts/build-kernels.mjs. */",
    "",
    "/** The kernels, as functions of numbers. */",
    "export interface Kernels {",
    ...kernels.map(({ name, parameters, result }) => {
      const list = parameters.map(({ parameter }) => `${parameter}: number`);
      return `  ${name}(${list.join(", ")}): ${result};`;
    }),
    "}",
    "",
    "/** The names and types of each kernel's parameters. */",
    "export const signatures: { readonly [name in keyof Kernels]: string } = {",
    ...kernels.map(({ name, parameters }) => {
      return `  ${name}: "${parameters.map(({ parameter, type }) => `${parameter}:${type}`).join(" ")}",`;
    }),
    "};",
    "",
  ].join("\n");
}
