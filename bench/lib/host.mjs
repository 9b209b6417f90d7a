import { availableParallelism, cpus, loadavg } from "node:os";

/** What figures depend on and what they were disturbed by: `load` is how many processes wanted to run, of late. */
export const describeHost = () => ({
  cpu: cpus()[0].model.trim(),
  cores: availableParallelism(),
  node: process.version,
  date: new Date().toISOString(),
  load: loadavg()[0].toFixed(1),
});
