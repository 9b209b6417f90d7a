// The packages as a user gets them: packed, installed into an empty folder, used from Node, TypeScript and a browser.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { type Browser, chromium } from "playwright-core";
import { publint } from "publint";
import { type InlineConfig, build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const bin = (name: string) => join(root, "node_modules/.bin", name);

/** A bundle with an agent, minified and gzipped: 82 kB when last looked at, 56 of them the two kernel modules. */
const sizeCeiling = 96 * 1024;

let folder: string;
/** The packed packages' files. */
let tarballs: Record<"flipnet" | "cli", string>;

/** Runs a program in the user's folder and returns its standard output. */
async function run(program: string, ...parameters: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(program, parameters, {
    cwd: folder,
    // Not the settings of the `npm` that runs this test.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
  }).catch((error) => {
    throw new Error(`${program} ${parameters.join(" ")}\n${error.stdout}${error.stderr}`);
  });
  if (program === process.execPath) expect(stderr).toBe("");
  return stdout;
}

/** Packs a package into the user's folder; returns the file. */
async function pack(name: string): Promise<string> {
  const source = join(root, "packages", name);
  const [{ filename }] = JSON.parse(
    await run("npm", "pack", source, "--ignore-scripts", "--json", "--pack-destination", folder),
  );
  return join(folder, filename);
}

beforeAll(async () => {
  for (const name of ["flipnet", "cli"])
    if (!existsSync(join(root, "packages", name, "dist/index.js")))
      throw new Error("there is no dist: run `npm run build` first");
  folder = await mkdtemp(join(tmpdir(), "flipnet-package-"));
  await cp(join(import.meta.dirname, "consumer"), folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "name": "consumer", "private": true, "type": "module" }');
  tarballs = { flipnet: await pack("flipnet"), cli: await pack("cli") };
  const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
  await run("npm", "install", ...Object.values(tarballs), ...flags);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

type Results = {
  kernels: string;
  agent: { accuracy: number; saved: string };
  hnca: string;
  reinforce: string;
  large: string;
} | null;

const inNode = new Map<string, Promise<Results>>();

/** What `consumer/toy.js` computes in Node on kernels of one kind; null where Node has none. */
function nodeResults(kernels: string): Promise<Results> {
  if (!inNode.has(kernels)) inNode.set(kernels, computeInNode(kernels, 1));
  return inNode.get(kernels)!;
}

const computeInNode = async (kernels: string, threads: number): Promise<Results> =>
  JSON.parse(await run(process.execPath, "node.js", kernels, `${threads}`));

describe("in Node", () => {
  it("is imported", async () => {
    const results = await nodeResults("portable");
    expect(results?.kernels).toBe("portable");
    expect(results?.agent.accuracy).toBeGreaterThan(0.8);
  });

  it("computes the same on two threads, and ends", async () => {
    expect(await computeInNode("portable", 2)).toEqual(await nodeResults("portable"));
  });

  it("is required from CommonJS", async () => {
    expect(await run(process.execPath, "require.cjs")).toBe("number function\n");
  });

  it("has a command", async () => {
    const { version } = JSON.parse(await readFile(join(root, "packages/cli/package.json"), "utf8"));
    expect(await run("npx", "--no-install", "flipnet", "--version")).toBe(`${version}\n`);
  });
});

describe("in TypeScript", () => {
  it.each([
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])("has types with module %s, resolved as by %s", async (module, resolution) => {
    const options = ["--noEmit", "--strict", "--target", "es2023", "--types", "node"];
    options.push("--typeRoots", join(root, "node_modules/@types"));
    options.push("--module", module, "--moduleResolution", resolution);
    expect(await run(bin("tsc"), ...options, "types.ts")).toBe("");
  });

  it.each(["flipnet", "cli"] as const)("%s is packed as publint wants it", async (name) => {
    const bytes = await readFile(tarballs[name]);
    const { messages } = await publint({
      pack: { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer },
      strict: true,
    });
    expect(messages).toEqual([]);
  });

  it.each(["flipnet", "cli"] as const)("%s resolves to the right types, says attw", async (name) => {
    await run(bin("attw"), tarballs[name], "--profile", "esm-only", "--no-color", "--no-emoji");
  });
});

/** Bundles a file or a page of the user's folder with Vite. */
async function bundle(name: string, build: InlineConfig["build"]): Promise<string> {
  const outDir = join(folder, name);
  await viteBuild({
    root: folder,
    configFile: false,
    logLevel: "error",
    base: "./",
    build: { ...build, outDir },
  });
  return outDir;
}

describe("in a bundle", () => {
  it("is small", async () => {
    const lib = { entry: join(folder, "minimal.js"), formats: ["es" as const], fileName: "minimal" };
    const code = await readFile(join(await bundle("minimal", { lib, minify: true }), "minimal.js"));
    const size = gzipSync(code).length;
    expect(size).toBeLessThan(sizeCeiling);
  });
});

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const missing = !existsSync(executablePath);
if (missing) {
  const message = `no Chromium at ${executablePath}`;
  // `.ci/run` installs it, and wants it used.
  if (process.env.REQUIRE_CHROMIUM) throw new Error(message);
  process.stderr.write(`${message}: the browser's tests are skipped (CHROMIUM says where else it is)\n`);
}

const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript" };

/** What makes a page share memory with its threads. */
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
/** Headers of pages that ask for them. */
const headersOf: Record<string, Record<string, string>> = {
  "?isolated": isolation,
  "?isolated-without-blobs": { ...isolation, "content-security-policy": "worker-src 'self'" },
};

/** A plain file server on the user's folder. */
const serveFolder: RequestListener = (request, response) => {
  const { pathname, search } = new URL(request.url!, "http://localhost");
  const path = normalize(pathname);
  const headers = { "content-type": types[extname(path)] ?? "text/plain", ...headersOf[search] };
  readFile(join(folder, path)).then(
    (bytes) => response.writeHead(200, headers).end(bytes),
    () => response.writeHead(404).end(),
  );
};

describe.skipIf(missing)("in Chromium", () => {
  let browser: Browser;
  let server: Server;
  let address: string;

  beforeAll(async () => {
    await bundle("bundled", { rolldownOptions: { input: join(folder, "bundled.html") } });
    server = createServer(serveFolder).listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await chromium.launch({
      executablePath,
      args: [
        ..."--headless --no-sandbox --disable-gpu --disable-quic --no-first-run".split(" "),
        ..."--disable-background-networking --disable-component-update --disable-sync".split(" "),
      ],
    });
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  const ways = [
    ["bundled by Vite", "bundled/bundled.html"],
    ["from plain files", "plain.html"],
  ];
  const cases = ways.flatMap((way) => ["portable", "relaxed"].map((kernels) => [...way, kernels]));

  /** What an expression gives in a page, and what the page had to say meanwhile. */
  async function evaluate(path: string, expression: string) {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => problems.push(message.text()));
    await page.goto(`${address}/${path}`);
    await page.waitForFunction("globalThis.flipnetPage", undefined, { timeout: 20_000 }).catch((error) => {
      throw new Error([...problems, error.message].join("\n"));
    });
    const result = await page.evaluate(expression);
    await page.close();
    return { result, problems };
  }

  it.for(ways)("%s computes the same on two threads (%s)", async ([, path]) => {
    const { result, problems } = await evaluate(`${path}?isolated`, 'flipnetPage.train("portable", 2)');
    expect(problems).toEqual([]);
    expect(result).toEqual(await nodeResults("portable"));
  });

  const refused =
    'flipnetPage.train("portable", 2).then(() => "trained", ({ name, message }) => name + ": " + message)';
  it.each([
    [
      "is not isolated",
      "plain.html",
      "threads is 2, but this page is not cross-origin isolated: it shares no memory",
    ],
    [
      "allows no workers from blob URLs",
      "plain.html?isolated-without-blobs",
      "a thread cannot start: this page allows no workers from blob: URLs",
    ],
  ])("a page that %s gets a sentence when it asks for threads", async (_, path, sentence) => {
    expect((await evaluate(path, refused)).result).toBe(`RunError: ${sentence}`);
  });

  it.for(cases)("%s computes what Node does, bit for bit (%s, %s)", async ([, path, kernels], { skip }) => {
    const { result: results, problems } = await evaluate(
      path,
      `flipnetPage.has("${kernels}").then((has) => (has ? flipnetPage.train("${kernels}", 1) : null))`,
    );
    expect(problems).toEqual([]);
    const expected = await nodeResults(kernels);
    skip(kernels === "relaxed" && (results === null || expected === null), "no relaxed SIMD on this host");
    expect(results).toEqual(expected);
  });
});
