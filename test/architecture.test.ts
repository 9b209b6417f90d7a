// The rules of the house (docs/architecture.md) that neither the compiler nor the linter knows.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** Folders of a package's sources: each imports only from those before it. */
const folders = {
  flipnet:
    "formats random tables environments backend front-ends jax network objectives estimators optimizers tasks training model agent audit node redis".split(
      " ",
    ),
  cli: "formats data onnx settings running report planning queue samples export commands".split(" "),
};
type Package = keyof typeof folders;
const packages = Object.keys(folders) as Package[];
/** Folders of the library that have an entry point of their own, which may ask for more than a browser has. */
const apart: Record<string, string | undefined> = { node: "node:", redis: undefined, jax: "@jax-js/jax" };

/** Both packages from their sources. */
const program = (() => {
  const path = join(root, "tsconfig.json");
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return ts.createProgram(
    fileNames.filter((name) => name.includes("/src/")),
    options,
  );
})();

/** Every source file of a package but the generated modules, by its path in src. */
const sourcesOf = (name: Package) =>
  new Map(
    program
      .getSourceFiles()
      .map((file): [string, ts.SourceFile] => [
        relative(join(root, "packages", name, "src"), file.fileName),
        file,
      ])
      .filter(([path]) => !path.startsWith("..") && !path.includes("generated/")),
  );
const sources = { flipnet: sourcesOf("flipnet"), cli: sourcesOf("cli") };

const folderOf = (path: string) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : "");

function visit(node: ts.Node, each: (node: ts.Node) => void): void {
  each(node);
  ts.forEachChild(node, (child) => visit(child, each));
}

/** What a file imports or exports from, types and dynamic imports included. */
function importsOf(file: ts.SourceFile): string[] {
  const found: string[] = [];
  visit(file, (node) => {
    const specifier =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
          ? node.argument.literal
          : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
            ? node.arguments[0]
            : undefined;
    if (specifier !== undefined && ts.isStringLiteral(specifier)) found.push(specifier.text);
  });
  return found;
}

const allImportsOf = (name: Package) =>
  [...sources[name]].flatMap(([from, file]) =>
    importsOf(file).map((specifier) => ({
      from,
      specifier,
      // The file in src that is meant; undefined for a package.
      to: specifier.startsWith(".") ? join(dirname(from), specifier) : undefined,
    })),
  );
const imports = { flipnet: allImportsOf("flipnet"), cli: allImportsOf("cli") };

/** Imports that are not as they should be, as lines to be read. */
const wrongOf = (name: Package, isWrong: (one: (typeof imports)[Package][number]) => boolean) =>
  imports[name].filter(isWrong).map(({ from, specifier }) => `${from} imports ${specifier}`);

describe.each(packages)("folders of packages/%s/src", (name) => {
  it("are all in the list", () => {
    const present = new Set([...sources[name].keys()].map(folderOf));
    expect([...present].filter((folder) => folder !== "" && !folders[name].includes(folder))).toEqual([]);
  });

  it("import only from folders above them", () => {
    const wrong = wrongOf(name, ({ from, to }) => {
      const importer = folderOf(from);
      return (
        to !== undefined &&
        importer !== "" &&
        folders[name].indexOf(folderOf(to)) > folders[name].indexOf(importer)
      );
    });
    expect(wrong).toEqual([]);
  });

  it("have no import cycles", () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const walk = (path: string, trail: string[]) => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      if (done.has(path) || trail.includes(path)) return;
      for (const { from, to } of imports[name])
        if (from === path && to !== undefined) walk(to, [...trail, path]);
      done.add(path);
    };
    for (const path of sources[name].keys()) walk(path, []);
    expect(cycles).toEqual([]);
  });

  it("print nothing, except the command line", () => {
    const printing: string[] = [];
    for (const [path, file] of sources[name]) {
      if (name === "cli" && folderOf(path) === "commands") continue;
      visit(file, (node) => {
        if (!ts.isPropertyAccessExpression(node)) return;
        const text = node.getText(file);
        if (/^(globalThis\.)?(console\.\w+|process\.(stdout|stderr))$/.test(text)) {
          const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
          printing.push(`${path}:${line} ${text}`);
        }
      });
    }
    expect(printing).toEqual([]);
  });
});

describe("the library", () => {
  it("imports neither packages nor, where a browser has to run it, node: modules", () => {
    const wrong = wrongOf("flipnet", ({ from, to, specifier }) => {
      const may = apart[folderOf(from)];
      return to === undefined && !(may !== undefined && specifier.startsWith(may));
    });
    expect(wrong).toEqual([]);
  });

  it("keeps folders with an entry point of their own out of the others", () => {
    const wrong = wrongOf(
      "flipnet",
      ({ from, to }) => to !== undefined && folderOf(to) in apart && folderOf(to) !== folderOf(from),
    );
    expect(wrong).toEqual([]);
  });
});

describe("documentation", () => {
  const checker = program.getTypeChecker();

  it.each([
    ["flipnet", "index.ts"],
    ["flipnet", "estimators/index.ts"],
    ["flipnet", "jax/index.ts"],
    ["flipnet", "node/index.ts"],
    ["flipnet", "redis/index.ts"],
    ["cli", "index.ts"],
  ] as const)("says something on every symbol that %s/src/%s exports", (name, entry) => {
    const file = sources[name].get(entry);
    expect(file, entry).toBeDefined();
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(file!)!);
    const silent = exported.filter((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return target.getDocumentationComment(checker).length === 0;
    });
    expect(silent.map((symbol) => symbol.name)).toEqual([]);
  });

  it("heads every kernel, before or after its imports", () => {
    const kernels = tracked.filter((path) => /^packages\/flipnet\/kernels\/.*\.ts$/.test(path));
    expect(kernels.length).toBeGreaterThan(0);
    expect(kernels.filter((path) => !/^(import .*\n|\n)*\/[/*]/.test(read(path)))).toEqual([]);
  });
});

/** The files in version control. */
const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" })
  .split("\0")
  .filter((path) => path !== "" && existsSync(join(root, path)));

const read = (path: string) => readFileSync(join(root, path), "utf8");

describe("files in version control", () => {
  it("name no folder of a machine and no registry", () => {
    const machine =
      /(?<![\w./:~-])(?:\/(?:home|Users|root|work|workspace|mnt|private)\/[\w.-]|[A-Z]:\\Users)/;
    const registry =
      /\/\/[\w.-]*\b(?:registry|artifactory|nexus|verdaccio)\b[\w.-]*\.|\bregistry\.(?:npmjs|yarnpkg)/;
    const wrong = tracked.flatMap((path) =>
      read(path)
        .split("\n")
        .flatMap((line, i) => {
          const found = machine.exec(line) ?? registry.exec(line);
          return found ? [`${path}:${i + 1} ${found[0]}`] : [];
        }),
    );
    expect(wrong).toEqual([]);
  });

  it("lock packages by version and digest, not by the address they came from", () => {
    expect(read("package-lock.json")).not.toContain('"resolved": "http');
  });

  it("lock every package by its digest, but for those of other platforms that nobody here has seen", () => {
    type Packages = Record<string, { integrity?: string; link?: true; optional?: true; os?: string[] }>;
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Packages };
    const without = Object.entries(packages).filter(
      ([place, { integrity, link, optional, os = [] }]) =>
        place.startsWith("node_modules/") && !link && !integrity && !(optional && os.length > 0),
    );
    expect(without.map(([place]) => place)).toEqual([]);
    const wrong = Object.entries(packages).filter(
      ([, { integrity }]) => integrity !== undefined && !/^sha512-[\w+/]{86}==$/.test(integrity),
    );
    expect(wrong.map(([place]) => place)).toEqual([]);
  });

  // Without them `npm ci` fails; scripts/complete-lockfile.mjs adds them.
  it("lock the packages for every platform", () => {
    type Packages = Record<string, { optionalDependencies?: Record<string, string> }>;
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Packages };
    const missing = Object.entries(packages).flatMap(([parent, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !packages[`node_modules/${name}`] && !packages[`${parent}/node_modules/${name}`],
      ),
    );
    expect(missing).toEqual([]);
  });
});
