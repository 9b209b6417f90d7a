import { availableParallelism, cpus, loadavg } from "node:os";

/** What figures depend on and what they were disturbed by: `load` is how many processes wanted to run, of late. */
export const describeHost = () => ({
  cpu: cpus()[0].model.trim(),
  cores: availableParallelism(),
  node: process.version,
  date: new Date().toISOString(),
  load: loadavg()[0].toFixed(1),
});

/** 10^6 bytes, without garbage where Node has --expose-gc: when the engine collects by itself is its own affair. */
export function residentMegabytes() {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 1e6;
}
