import { defineConfig } from "vitest/config";

const report = process.env.TEST_REPORT;

export default defineConfig({
  // One package sees the sources of the other, built or not.
  resolve: { tsconfigPaths: true },
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    // Processes, not threads: the flag that Node 20 needs for relaxed SIMD is set for a whole process.
    pool: "forks",
    // Vitest itself would leave a core idle.
    maxWorkers: "100%",
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // `.ci/run` adds up the counts of several runs.
    reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
  },
});
