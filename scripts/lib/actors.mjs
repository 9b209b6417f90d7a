// A process of scripts/test-actors.mjs: `actor` decides and rewards, and says what Redis has acknowledged; `learner` learns.
import { Redis } from "ioredis";
import { openActor, runLearner } from "../../packages/flipnet/dist/redis/index.js";

export const name = "chaos";
/** Small, so that expiry and several rewards a publication happen all the time. */
export const agent = {
  inputs: 3,
  actions: 4,
  hidden: [4],
  seed: 1,
  floor: { from: 0.5, to: 0.05, halfLife: 1000 },
  expireAfter: 1500,
};

const [role, port] = process.argv.slice(2);
if (role === "learner" || role === "actor") {
  const client = new Redis(Number(port), "127.0.0.1", {
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  client.on("error", () => {});
  if (role === "learner") {
    await runLearner(client, {
      name,
      agent,
      publishEvery: 20,
      publishAfter: 50,
      lease: 2000,
      keepEvents: true,
    });
  }
  const actor = await openActor(client, { name, refreshEvery: 50, patience: 600_000 });
  for (let n = 0; ; n++) {
    const context = [Math.sin(n), Math.random(), 1];
    const { id, action } = await actor.decide(context, n % 3 === 0 ? { allowed: [0, 1, 3] } : {});
    // Late, in no order; one in five never.
    if (Math.random() < 0.8) {
      setTimeout(async () => {
        await actor.reward(id, action === (context[1] > 0.5 ? 1 : 3) ? 1 : 0);
        process.stdout.write(`${id}\n`);
      }, 300 * Math.random());
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
