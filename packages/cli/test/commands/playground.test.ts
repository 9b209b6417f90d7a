import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { servePlayground } from "../../src/commands/playground.ts";

const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'";
const outside = mkdtempSync(join(tmpdir(), "flipnet-playground-"));
const folder = join(outside, "site");
let server: Awaited<ReturnType<typeof servePlayground>>;

beforeAll(async () => {
  mkdirSync(join(folder, "docs"), { recursive: true });
  const page = `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  writeFileSync(join(folder, "index.html"), page);
  writeFileSync(join(folder, "docs/index.html"), page);
  writeFileSync(join(outside, "secret"), "secret");
  server = await servePlayground(0, folder);
});
afterAll(() => {
  server.close();
  rmSync(outside, { recursive: true });
});

/** Paths go out as they stand: `fetch` would tidy them. */
const ask = (path: string, method = "GET") =>
  new Promise<{ status: number; policy: unknown; body: string }>((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    request({ host: "127.0.0.1", port, path, method, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode!, policy: response.headers["content-security-policy"], body }),
      );
    })
      .on("error", reject)
      .end();
  });

it("serves the site on loopback, under the policy that its pages name", async () => {
  expect((server.address() as AddressInfo).address).toBe("127.0.0.1");
  expect(await ask("/")).toMatchObject({ status: 200, policy });
  expect(await ask("/docs/")).toMatchObject({ status: 200, policy });
});

it.each(["/nothing", "/../secret", "/%2e%2e/secret", "/docs/..%2f..%2fsecret", "/%00", "/%"])(
  "has nothing at %s",
  async (path) => {
    const { status, body } = await ask(path);
    expect(status).toBe(404);
    expect(body).not.toContain("secret");
  },
);

it("takes nothing", async () => expect((await ask("/", "POST")).status).toBe(405));

it("says what is wrong where there is no site, and where the port is taken", async () => {
  await expect(servePlayground(0, join(outside, "empty"))).rejects.toThrow(/the site is not built/);
  const { port } = server.address() as AddressInfo;
  await expect(servePlayground(port, folder)).rejects.toThrow(`port ${port} cannot be had (EADDRINUSE)`);
});
