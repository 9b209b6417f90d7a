import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Node 20 hides relaxed SIMD behind a flag; newer Nodes ignore it.
    pool: "forks",
    testTimeout: 60_000,
  },
});
