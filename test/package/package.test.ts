// The library as a user gets it: packed, installed into an empty folder, used from Node, TypeScript and a browser.
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build as esbuild } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { type InlineConfig, build as viteBuild } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFolder, pack, root, succeed } from "../../scripts/lib/packed.mjs";

const bin = (name: string) => join(root, "node_modules/.bin", name);

/** Bytes of what a page with an agent loads, minified and gzipped. */
const sizeCeiling = 60_000;

/** The library alone, packed; nothing else is installed beside it. */
const folder = createFolder();
let tarball: string;

/** Runs a program in the user's folder and returns its standard output. */
const run = (program: string, ...parameters: string[]): string =>
  succeed(program, parameters, { cwd: folder });

beforeAll(() => {
  tarball = pack("flipnet", folder);
  run("npm", "install", tarball, "--offline", "--no-audit", "--no-fund");
});

describe("the library", () => {
  it("brings no other package", async () => {
    const installed = await readdir(join(folder, "node_modules"));
    expect(installed.filter((name) => !name.startsWith("."))).toEqual(["flipnet"]);
  });

  it("is small", async () => {
    const entries = await readdir(join(folder, "node_modules/flipnet"), {
      recursive: true,
      withFileTypes: true,
    });
    const files = entries.filter((entry) => entry.isFile());
    const sizes = await Promise.all(
      files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
    );
    // Half a megabyte as it is packed; unpacked, a quarter of it is comments for who reads it.
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(1_700_000);
  });
});

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
  JSON.parse(run(process.execPath, "node.js", kernels, `${threads}`));

describe("in Node", () => {
  it("is imported", async () => {
    const results = await nodeResults("portable");
    expect(results?.kernels).toBe("portable");
    expect(results?.agent.accuracy).toBeGreaterThan(0.8);
  });

  it("computes the same on two threads, and ends", async () => {
    expect(await computeInNode("portable", 2)).toEqual(await nodeResults("portable"));
  });

  it("is required from CommonJS", () => {
    expect(run(process.execPath, "require.cjs")).toBe("number function\n");
  });
});

describe("in TypeScript", () => {
  const strict = ["--noEmit", "--strict", "--target", "es2023"];

  // Other versions of TypeScript: `npm run test:platforms`.
  it("has types that are right by themselves, without the DOM library and Node's types", () => {
    const options = ["--lib", "es2023", "--module", "nodenext", "--skipLibCheck", "false"];
    expect(run(bin("tsc"), ...strict, ...options, "types.ts")).toBe("");
  });

  it("has types for bundlers", () => {
    // Declarations by themselves are the test's above.
    const options = ["--skipLibCheck", "--types", "node", "--typeRoots", join(root, "node_modules/@types")];
    options.push("--module", "esnext", "--moduleResolution", "bundler");
    expect(run(bin("tsc"), ...strict, ...options, "types.ts")).toBe("");
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
  it.each(["portable", "relaxed"])("with an agent and %s kernels a page loads little", async (kind) => {
    const { metafile, outputFiles } = await esbuild({
      absWorkingDir: folder,
      entryPoints: ["minimal.js"],
      outdir: "split",
      bundle: true,
      splitting: true,
      minify: true,
      format: "esm",
      metafile: true,
      write: false,
    });
    const outputs = Object.entries(metafile.outputs);
    // The entry, what it imports at once, and the module that is loaded when a backend is made.
    const entry = outputs.find(([, { entryPoint }]) => entryPoint === "minimal.js")!;
    const kernels = outputs.find(([, { entryPoint }]) => entryPoint?.endsWith(`/${kind}.js`))!;
    const loaded = [entry, kernels].flatMap(([name, { imports }]) => [
      name,
      ...imports.filter((one) => one.kind === "import-statement").map(({ path }) => path),
    ]);
    const sizes = outputFiles
      .filter(({ path }) => loaded.includes(relative(folder, path)))
      .map(({ contents }) => gzipSync(contents).length);
    expect(sizes.length).toBe(new Set(loaded).size);
    const size = sizes.reduce((sum, one) => sum + one);
    process.stdout.write(`a page with an agent and ${kind} kernels loads ${size} bytes\n`);
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
  const cases = ways.map((way, i) => [...way, ["relaxed", "portable"][i]]);

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
