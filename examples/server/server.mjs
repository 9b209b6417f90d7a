// A page with six articles, of which an agent puts one first; clicks come seconds later, or never. Fastify serves it, SQLite
// keeps the log. What the agent was, saved now and then, and the log since are the agent: kill the process whenever you like.
//
//     npm install && node server.mjs [folder] [port]        with Node 22.13 or newer
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Fastify from "fastify";
import { createAgent, DecisionError, replayEvents } from "flipnet";
import { loadVersion, saveVersion, versionsOf } from "flipnet/node";

const [folder = "data", port = "8080"] = process.argv.slice(2);
const articles = [
  ["Bread without kneading", "Flour, water, salt, and a night's sleep."],
  ["Coffee by the numbers", "Sixty grams a litre, and why."],
  ["Museums after dark", "Where the doors stay open till midnight."],
  ["Cycling over passes", "Five climbs that are worth the descent."],
  ["Chess for two evenings", "Rules on the first, a game on the second."],
  ["Stars in the city", "What can be seen from a balcony."],
];

// The log: a decision is a row, and gets its reward later. `at` orders rewards among decisions.
mkdirSync(folder, { recursive: true });
const database = new DatabaseSync(join(folder, "log.sqlite"));
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS events (at INTEGER PRIMARY KEY, id TEXT NOT NULL, event TEXT NOT NULL, json TEXT NOT NULL, UNIQUE (id, event));
`);
const insert = database.prepare("INSERT INTO events (id, event, json) VALUES (?, ?, ?)");
function write(event) {
  insert.run(event.id, event.event, JSON.stringify(event));
}
function* events() {
  for (const { json } of database.prepare("SELECT json FROM events ORDER BY at").iterate()) {
    yield JSON.parse(json);
  }
}

const versions = join(folder, "versions");
const agent =
  (await versionsOf(versions)).length > 0
    ? await loadVersion(versions)
    : await createAgent({
        inputs: 5,
        actions: articles.length,
        hidden: [],
        floor: { from: 0.3, to: 0.05, halfLife: 2000 },
        expireAfter: 60_000, // a minute without a click is an answer: no
        rewardRange: [0, 1],
        maxPending: 100_000,
      });
const replayed = replayEvents(agent, events());

const counts = { decisions: 0, rewards: 0, refused: 0, errors: 0 };
const shown = articles.map(() => 0);

/** What is known of a visitor: the time of day, the kind of device, whether they were here before, and that there is one. */
function contextOf({ headers }, now) {
  const day = (2 * Math.PI * (now % 86_400_000)) / 86_400_000;
  const mobile = /mobile/i.test(headers["user-agent"] ?? "") ? 1 : 0;
  return [Math.sin(day), Math.cos(day), mobile, headers.cookie === undefined ? 0 : 1, 1];
}

function decide(request) {
  const time = Date.now();
  const context = contextOf(request, time);
  const decision = agent.decide(context, { now: time });
  write({ event: "decision", ...decision, time, context });
  counts.decisions++;
  shown[decision.action]++;
  return decision;
}

function reward(id, value) {
  const time = Date.now();
  agent.reward(id, value, { now: time });
  write({ event: "reward", id, value, time });
  counts.rewards++;
}

const style = `body { font: 18px/1.4 Georgia, serif; max-width: 42rem; margin: 3rem auto; color: #222 }
a { color: inherit; text-decoration: none } article { padding: .6rem 1rem; border-left: 4px solid #ddd; margin: .6rem 0 }
article.first { border-color: #c2410c; background: #fff7ed; font-size: 1.3em } p { margin: 0; color: #666; font-size: .8em }`;

function page({ id, action }) {
  const order = [action, ...articles.keys()].filter((one, place, all) => all.indexOf(one) === place);
  const items = order.map((k, place) => {
    const [title, text] = articles[k];
    const link = `<a href="/click?id=${encodeURIComponent(id)}">${title}</a>`;
    return `<article${place === 0 ? ' class="first"' : ""}><b>${place === 0 ? link : title}</b><p>${text}</p></article>`;
  });
  return `<!doctype html><meta charset="utf-8"><title>Articles</title><style>${style}</style><h1>For you</h1>${items.join("")}`;
}

const metric = (name, kind, value, labels = "") => `# TYPE ${name} ${kind}\n${name}${labels} ${value}\n`;
const metrics = () =>
  [
    metric("flipnet_decisions_total", "counter", counts.decisions),
    metric("flipnet_rewards_total", "counter", counts.rewards),
    metric("flipnet_rewards_refused_total", "counter", counts.refused),
    metric("flipnet_errors_total", "counter", counts.errors),
    metric("flipnet_pending", "gauge", agent.pending),
    metric("flipnet_version", "gauge", agent.version),
    metric("process_resident_memory_bytes", "gauge", process.memoryUsage.rss()),
    "# TYPE flipnet_shown_total counter\n",
    ...shown.map((count, k) => `flipnet_shown_total{article="${articles[k][0]}"} ${count}\n`),
  ].join("");

const server = Fastify();
server.get("/", (request, reply) =>
  reply
    .type("text/html")
    .header("set-cookie", "seen=1")
    .send(page(decide(request))),
);
server.get("/decide", (request) => decide(request));
server.get("/click", ({ query }, reply) => {
  reward(String(query.id ?? ""), 1);
  return reply.type("text/plain").send("Thank you.\n");
});
server.get("/metrics", (_, reply) => reply.type("text/plain; version=0.0.4").send(metrics()));
server.setErrorHandler((error, _, reply) => {
  if (error instanceof DecisionError) {
    counts.refused++;
    return reply.code(409).type("text/plain").send(`${error.message}\n`);
  }
  counts.errors++;
  console.error(error);
  return reply.code(500).type("text/plain").send("Something went wrong.\n");
});

const timer = setInterval(() => saveVersion(versions, agent).catch((error) => console.error(error)), 60_000);
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    clearInterval(timer);
    await server.close();
    await saveVersion(versions, agent);
    database.close();
    process.exit();
  });
}
const address = await server.listen({ port: Number(port), host: "127.0.0.1" });
console.log(
  `${address} (${replayed.decisions} decisions and ${replayed.rewards} clicks made good from the log)`,
);
