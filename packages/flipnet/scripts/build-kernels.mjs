// Compiles kernels/index.ts twice, with portable and with relaxed SIMD, and writes each module as a
// TypeScript file that carries the bytes in base64: Node, a bundler and a browser load it alike.
import { mkdir, writeFile } from "node:fs/promises";
import asc from "assemblyscript/asc";

const out = "src/backend/generated";
await mkdir(out, { recursive: true });

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
      "--outFile",
      "kernels.wasm",
    ],
    {
      writeFile(file, contents) {
        if (file.endsWith(".wasm")) bytes = contents;
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
