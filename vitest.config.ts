import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const report = process.env.TEST_REPORT;
const include = ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"];

/** Tests that put something in the place of modules, or of what the host is asked once: each in a process of its own. */
const alone = ["packages/flipnet/test", "packages/cli/test", "test"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name}`)
    .filter(
      (file) =>
        file.endsWith(".test.ts") &&
        /\bvi\.(mock|resetModules|spyOn\((process|WebAssembly))\b/.test(readFileSync(file, "utf8")),
    ),
);

export default defineConfig({
  // One package sees the sources of the other, built or not.
  resolve: { tsconfigPaths: true },
  test: {
    setupFiles: ["test/setup.ts"],
    // Processes, not threads: the flag that Node 20 needs for relaxed SIMD is set for a whole process.
    pool: "forks",
    // One more than cores: some files wait for processes that they start. Vitest itself would leave a core idle.
    maxWorkers: availableParallelism() + 1,
    // What a test puts in the place of something else is put back behind it.
    restoreMocks: true,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // `.ci/run` adds up the counts of several runs.
    reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
    projects: [
      // The others share processes: loading the library anew would take many of them longer than what they test.
      { extends: true, test: { name: "shared", include, exclude: alone, isolate: false } },
      { extends: true, test: { name: "alone", include: alone } },
    ],
  },
});
