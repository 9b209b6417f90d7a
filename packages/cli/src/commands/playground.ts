/** `flipnet playground`: the site, served to this machine alone. */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { InputError, RunError } from "flipnet/internal/formats/errors";
import { stopSignal } from "./exit.ts";
import { wholeNumber } from "./numbers.ts";

/** Where the built site is packed. */
const packed = fileURLToPath(new URL("../../site/", import.meta.url));

export function definePlayground(program: Command): void {
  program
    .command("playground")
    .description(
      "coins, credit and estimators to play with, and all pages: a site, served on this machine only",
    )
    .option("--port <n>", "where; default any that is free", "0")
    .action(async ({ port }: { port: string }) => {
      const signal = stopSignal();
      const server = await servePlayground(wholeNumber("--port", port, 0, 65_535));
      const { port: at } = server.address() as AddressInfo;
      process.stdout.write(`http://127.0.0.1:${at}/\n`);
      process.stderr.write("Ctrl-C ends it.\n");
      signal.addEventListener("abort", () => {
        server.close();
        server.closeAllConnections();
      });
    });
}

/**
 * Serves the site on the loopback interface.
 *
 * @param port 0: any that is free
 * @throws InputError where there is no built site, RunError where the port cannot be had
 */
export async function servePlayground(port: number, folder = packed): Promise<Server> {
  if (!existsSync(`${folder}/index.html`)) {
    throw new InputError("the site is not built; expected `npm run site` to have been run in this clone");
  }
  const { default: sirv } = await import("sirv");
  // The pages say it themselves, for any other host; workers are told by a header alone.
  const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(
    readFileSync(`${folder}/index.html`, "utf8"),
  )!;
  const files = sirv(folder, {
    etag: true,
    setHeaders(response) {
      response.setHeader("content-security-policy", policy);
      response.setHeader("x-content-type-options", "nosniff");
      response.setHeader("referrer-policy", "no-referrer");
      response.setHeader("cross-origin-opener-policy", "same-origin");
      response.setHeader("cross-origin-resource-policy", "same-origin");
    },
  });
  const server = createServer((request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    files(request, response, () => {
      response.writeHead(404, { "content-type": "text/plain" }).end("There is no such page.\n");
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new RunError(`port ${port} cannot be had (${error.code ?? error.message})`)),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}
