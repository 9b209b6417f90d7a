// What a decision and its reward cost an agent, together, in time of the processor: one context at a time, log off; and with
// both written to a log, until they are in its file.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAgent, createWasmBackend } from "../packages/flipnet/dist/index.js";
import { openAgentLog } from "../packages/flipnet/dist/node/index.js";
import { spread, takeTurns } from "./lib/measure.mjs";
import { number } from "./lib/table.mjs";

/** Microseconds of a decision and its reward with 32 coins. */
const most = 12;
/** The same with the log on: 20,000 a second. */
const mostLogged = 50;

const contexts = Array.from({ length: 64 }, (_, n) =>
  Array.from({ length: 8 }, (_, i) => Math.sin(1 + 7 * n + i)),
);
const features = contexts.map((context) => context.slice(0, 4));

const rows = [
  ["32 coins, 4 actions", { actions: 4 }],
  ["no coins, 4 actions", { actions: 4, hidden: [] }],
  ["32 coins, 4 actions, a floor", { actions: 4, floor: 0.05 }],
  ["32 coins, 4 actions with 4 features", { actionInputs: 4 }],
  ["32 coins, 20 actions with 4 features", { actionInputs: 4 }, 20],
];

async function stepOf([, options, count = 4], kernels) {
  const backend = kernels && (await createWasmBackend({ kernels }));
  const agent = await createAgent({ inputs: 8, hidden: [32], ...options }, backend);
  const told = options.actionInputs === undefined ? {} : { actions: features.slice(0, count) };
  let n = 0;
  return {
    call() {
      n = (n + 1) % contexts.length;
      const { id, action } = agent.decide(contexts[n], told);
      agent.reward(id, action === n % 4 ? 1 : 0);
    },
  };
}

/** Microseconds of the first agent's pairs with the log on, round by round. */
async function logged(rounds, kernels) {
  const folder = await mkdtemp(join(tmpdir(), "flipnet-agents-"));
  const log = await openAgentLog(join(folder, "log.jsonl"));
  const backend = kernels && (await createWasmBackend({ kernels }));
  const agent = await createAgent({ inputs: 8, hidden: [32], ...rows[0][1] }, backend);
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let n = 0; n < 1000; n++) {
      const context = contexts[n % contexts.length];
      const decision = agent.decide(context);
      log.decision(context, decision);
      agent.reward(decision.id, n % 2);
      log.reward(decision.id, n % 2);
    }
    await log.flush();
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  await log.close();
  await rm(folder, { recursive: true });
  return times;
}

export async function benchmarkAgents({ quick, kernels }) {
  const steps = await Promise.all(rows.map((row) => stepOf(row, kernels)));
  const times = takeTurns(steps, { rounds: quick ? 9 : 25, milliseconds: 20 }).map((each) =>
    spread(each.map((ns) => ns / 1000)),
  );
  const withLog = spread(await logged(quick ? 9 : 25, kernels));
  const data = [
    ...rows.map(([agent], i) => ({ agent, ...times[i] })),
    { agent: `${rows[0][0]}, log on`, ...withLog },
  ];
  return {
    data,
    tables: [
      [
        "Agents: a decision and its reward, µs",
        [
          ["agent", "median (quartiles)", "least"],
          ...data.map(({ agent, median, lower, upper, least }) => [
            agent,
            `${number(median)} (${number(lower)} to ${number(upper)})`,
            number(least),
          ]),
        ],
      ],
    ],
    timings: data.map(({ agent, ...time }) => ({ what: `agent: ${agent}`, unit: "µs", ...time })),
    targets: [
      { what: "agent: decide and reward, 32 coins, µs", measured: data[0].least, atMost: most },
      { what: "the same with the log on, µs", measured: withLog.least, atMost: mostLogged },
    ],
  };
}
