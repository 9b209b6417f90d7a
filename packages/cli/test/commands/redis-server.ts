// Debian's redis-server on a free port of this machine, in a folder of its own; gone after the file's tests.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { afterAll } from "vitest";

/** Whether there is one; where there has to be, there is an error. */
export const hasRedis: boolean = (() => {
  const { status } = spawnSync("redis-server", ["--version"]);
  if (status !== 0 && process.env.REQUIRE_REDIS) throw new Error("redis-server is not installed");
  return status === 0;
})();

const servers = new Set<ChildProcess>();
afterAll(() => {
  for (const server of servers) server.kill("SIGKILL");
});

const serverAt = new Map<number, ChildProcess>();

/** Kills the one at a port. */
export const killRedis = (port: number): boolean => serverAt.get(port)!.kill("SIGKILL");

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

/** Starts one, with append-only persistence unless the settings say otherwise; resolves once it takes connections. */
export async function startRedis(folder: string, settings: readonly string[] = []): Promise<number> {
  const port = await freePort();
  const args = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", ""];
  const server = spawn("redis-server", [...args, "--appendonly", "yes", ...settings]);
  servers.add(server);
  serverAt.set(port, server);
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.includes("Ready to accept connections")) break;
  }
  server.stdout.resume();
  return port;
}
