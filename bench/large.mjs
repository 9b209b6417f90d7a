// node bench/large.mjs [TASK ESTIMATOR]
//
// Four layers of 1,600 units, batches of 1,000 images: what a run is said to need, what a step takes of the processor's
// time, and what the process then holds, before and after a checkpoint's tensors are made.
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { describeMemory } from "../packages/cli/dist/running/memory.js";
import { createBackend, loadWorkload } from "../packages/cli/dist/running/workload.js";
import { parseConfig } from "../packages/cli/dist/settings/config.js";

const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const resident = () => `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB resident at most`;

const networks = ["bandit reinforce", "bandit hnca", "vae reinforce", "vae f-hnca"];

async function measure(task, estimator) {
  const config = parseConfig({ task, estimator, hidden: Array(4).fill(1600), batchSize: 1000 });
  const workload = await loadWorkload(config);
  const { training, memory } = await workload.prepare(await createBackend(config));
  console.log(`${task}, ${estimator}: ${describeMemory(memory)}`);
  training.initialise();
  const before = seconds();
  for await (const _ of training.run(1, { pause: () => false, pauseMilliseconds: 0 }));
  console.log(
    `  the first step ${(seconds() - before).toFixed(2)} s, load ${loadavg()[0].toFixed(1)}; ${resident()}`,
  );
  await training.tensors();
  console.log(`  with the tensors of a checkpoint ${resident()}`);
}

const [task, estimator] = process.argv.slice(2);
if (estimator !== undefined) await measure(task, estimator);
// A process each: what one held before would count for the next.
else
  for (const network of networks)
    spawnSync(process.execPath, [import.meta.filename, ...network.split(" ")], { stdio: "inherit" });
