// The site as it is built, at length: 50 random states, every page, every width and theme. `npm run test:site`.
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const { status } = spawnSync("npx", ["vitest", "run", "packages/site"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, SITE_STATES: "50", SITE_BUILT: resolve(root, "packages/cli/site") },
});
process.exitCode = status ?? 1;
