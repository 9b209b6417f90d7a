// A page with six articles, of which an agent puts one first. Clicks come seconds later, or never. Every decision and every click
// is in the log before it is answered, so the process may be killed at any time: what was saved and the log since are the agent.
//
//     node examples/server.mjs [folder] [port]
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { createAgent, DecisionError, loadAgent } from "flipnet";
import { openAgentLog, replayAgentLog } from "flipnet/node";

const [folder = "server-data", port = "8080"] = process.argv.slice(2);
const articles = ["Bread", "Coffee", "Museums", "Cycling", "Chess", "Stars"];
const [agentFile, logFile] = ["agent.safetensors", "log.jsonl"].map((name) => join(folder, name));

mkdirSync(folder, { recursive: true });
const isOld = (name) => /^log\.jsonl\.\d+$/.test(name);
const numberOf = (name) => Number(name.slice(name.lastIndexOf(".") + 1));
const agent = readdirSync(folder).includes("agent.safetensors")
  ? await loadAgent(readFileSync(agentFile))
  : await createAgent({
      inputs: 5,
      actions: articles.length,
      hidden: [],
      floor: { from: 0.3, to: 0.05, halfLife: 2000 },
      expireAfter: 60_000, // a minute without a click is an answer: no
      rewardRange: [0, 1],
    });
const log = await openAgentLog(logFile);
const logs = [
  ...readdirSync(folder)
    .filter(isOld)
    .sort((a, b) => numberOf(a) - numberOf(b)),
  "log.jsonl",
];
const replayed = await replayAgentLog(
  agent,
  logs.map((name) => join(folder, name)),
);
const counts = { decisions: 0, rewards: 0, late: 0 };

/** Writes what the agent is, in the place of what it was: whole or not at all. */
async function save() {
  const bytes = await agent.save();
  writeFileSync(`${agentFile}.new`, bytes);
  renameSync(`${agentFile}.new`, agentFile);
}

/** What is known of a visitor: the time of day, the kind of device, whether they were here before, and that there is one. */
function contextOf({ headers }, now) {
  const day = (2 * Math.PI * (now % 86_400_000)) / 86_400_000;
  const mobile = /mobile/i.test(headers["user-agent"] ?? "") ? 1 : 0;
  return [Math.sin(day), Math.cos(day), mobile, headers.cookie === undefined ? 0 : 1, 1];
}

async function decide(request) {
  const now = Date.now();
  const context = contextOf(request, now);
  const decision = agent.decide(context, { now });
  log.decision(context, decision, { now });
  await log.flush();
  counts.decisions++;
  return decision;
}

async function reward(id, value) {
  const now = Date.now();
  agent.reward(id, value, { now });
  log.reward(id, value, { now });
  await log.flush();
  counts.rewards++;
}

function page({ id, action }) {
  const order = [action, ...articles.keys()].filter((one, place, all) => all.indexOf(one) === place);
  const items = order.map((k, place) =>
    place === 0
      ? `<li><b><a href="/click?id=${encodeURIComponent(id)}">${articles[k]}</a></b>`
      : `<li>${articles[k]}`,
  );
  return `<!doctype html><meta charset="utf-8"><title>Articles</title><h1>For you</h1><ol>${items.join("")}</ol>`;
}

const metrics = () => `# TYPE flipnet_decisions_total counter
flipnet_decisions_total ${counts.decisions}
# TYPE flipnet_rewards_total counter
flipnet_rewards_total ${counts.rewards}
# TYPE flipnet_rewards_refused_total counter
flipnet_rewards_refused_total ${counts.late}
# TYPE flipnet_pending gauge
flipnet_pending ${agent.pending}
# TYPE flipnet_version gauge
flipnet_version ${agent.version}
`;

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const answer = (status, type, body, headers = {}) =>
    response.writeHead(status, { "content-type": type, ...headers }).end(body);
  try {
    if (pathname === "/")
      return answer(200, "text/html", page(await decide(request)), { "set-cookie": "seen=1" });
    if (pathname === "/decide") return answer(200, "application/json", JSON.stringify(await decide(request)));
    if (pathname === "/metrics") return answer(200, "text/plain; version=0.0.4", metrics());
    if (pathname === "/click") {
      await reward(searchParams.get("id") ?? "", 1);
      return answer(200, "text/plain", "Thank you.\n");
    }
    return answer(404, "text/plain", "There is /, /decide, /click?id=ID and /metrics.\n");
  } catch (error) {
    if (error instanceof DecisionError) {
      counts.late++;
      return answer(409, "text/plain", `${error.message}\n`);
    }
    console.error(error);
    return answer(500, "text/plain", "Something went wrong.\n");
  }
});
server.listen(Number(port), () => {
  const { decisions, rewards } = replayed;
  console.log(
    `http://localhost:${server.address().port} (${decisions} decisions and ${rewards} clicks made good from the log)`,
  );
});

const timer = setInterval(() => save().catch((error) => console.error(error)), 60_000);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    clearInterval(timer);
    server.close();
    server.closeAllConnections();
    await save();
    await log.close();
  });
}
