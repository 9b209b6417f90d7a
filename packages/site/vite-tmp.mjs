import { join } from "node:path";
import { build } from "vite";

const site = import.meta.dirname;
await build({
  root: site,
  configFile: join(site, "vite.config.ts"),
  logLevel: "error",
  build: { outDir: "/tmp/site3/out", emptyOutDir: true },
});
