// npm run bench:late [-- --visits 20000] [--seeds 1]
//
// Rewards that come late: clicks of a hundred in each quarter of the visits, by how many visits later a reward comes, by
// the learning rate and by how an agent learns from it. All see the same world.
import { parseArgs } from "node:util";
import { adam, createAgent, createWasmBackend } from "../../packages/flipnet/dist/index.js";
import { printTable } from "../lib/table.mjs";
import { draw } from "./worlds.mjs";

const { values } = parseArgs({
  options: {
    visits: { type: "string", default: "20000" },
    seeds: { type: "string", default: "1" },
    delays: { type: "string", default: "0,500,2000" },
  },
});
const visits = Number(values.visits);
const seeds = values.seeds.split(",").map(Number);

const rules = {
  "stored (default)": {},
  redone: { lateRewards: "redone" },
  "stored, pull 0.3": { pull: 0.3 },
  "redone, pull 0.3": { lateRewards: "redone", pull: 0.3 },
};

/** Points of a hundred in each quarter of the visits. */
async function quarters(options, delay, seed) {
  const { inputs, actions, contexts, rewards, expected } = draw("clicks, 12 x 6", seed, visits);
  const backend = await createWasmBackend({ kernels: "portable" });
  const agent = await createAgent({ inputs, actions, seed, floor: 0.05, ...options }, backend);
  const earned = [0, 0, 0, 0];
  const waiting = [];
  for (let t = 0; t < visits; t++) {
    const { id, action } = agent.decide(contexts.subarray(t * inputs, (t + 1) * inputs));
    earned[Math.floor((4 * t) / visits)] += (400 * expected[t * actions + action]) / visits;
    waiting.push([id, rewards[t * actions + action]]);
    if (waiting.length > delay) agent.reward(...waiting.shift());
  }
  return earned;
}

const mean = (lists) => lists[0].map((_, q) => lists.reduce((sum, list) => sum + list[q], 0) / lists.length);

for (const delay of values.delays.split(",").map(Number)) {
  const rows = [["", "learning rate", "1st quarter", "2nd", "3rd", "4th"]];
  for (const learningRate of [0.01, 0.003]) {
    for (const [name, options] of Object.entries(rules)) {
      const found = [];
      for (const seed of seeds) {
        found.push(await quarters({ ...options, optimizer: adam({ learningRate }) }, delay, seed));
      }
      rows.push([name, `${learningRate}`, ...mean(found).map((value) => value.toFixed(1))]);
    }
  }
  printTable([`Rewards ${delay} visits late: clicks of a hundred visits`, rows]);
}
