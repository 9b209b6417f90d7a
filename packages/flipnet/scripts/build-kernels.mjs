// Compiles kernels/index.ts twice, with portable and with relaxed SIMD, and writes each module as a TypeScript file that
// carries the bytes in base64: Node, a bundler and a browser load it alike. A third file says what the kernels take,
// as AssemblyScript declares it.
import { mkdir, writeFile } from "node:fs/promises";
import asc from "assemblyscript/asc";

const out = "src/backend/generated";
await mkdir(out, { recursive: true });

let declarations;
for (const [name, features] of [
  ["portable", ["simd"]],
  ["relaxed", ["simd", "relaxed-simd"]],
]) {
  let bytes;
  const { error, stderr } = await asc.main(
    [
      "kernels/index.ts",
      ...features.flatMap((feature) => ["--enable", feature]),
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
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
  await writeFile(
    `${out}/${name}.ts`,
    `/** The ${name}-SIMD kernels; made by scripts/build-kernels.mjs. */\nexport const ${name}: string =\n  "${Buffer.from(bytes).toString("base64")}";\n`,
  );
  console.error(`kernels: ${name} ${bytes.length} bytes`);
}

// In the declarations each function has a comment with a line `@param name \`type\`` for each of its parameters.
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
await writeFile(
  `${out}/kernels.ts`,
  [
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
  ].join("\n"),
);
