// The rules of the house (docs/architecture.md) that neither the compiler nor the linter knows.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** Each imports only from those before it. */
const folders =
  "formats random backend front-ends jax network objectives estimators optimizers tasks training audit onnx node cli".split(
    " ",
  );
/** Packages that a folder which runs in browsers may import: they run there too. */
const packages: Record<string, string> = { formats: "pbf", jax: "@jax-js/jax" };
/** Folders of what runs on Node only. */
const nodeOnly = ["node", "cli"];
/** Folders that the main entry point leaves to others. */
const apart = [...nodeOnly, "jax"];

const program = (() => {
  const path = join(root, "tsconfig.build.json");
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return ts.createProgram(fileNames, { ...options, noEmit: true });
})();

/** Every file under src but the generated modules, by its path in src. */
const sources = new Map(
  program
    .getSourceFiles()
    .map((file): [string, ts.SourceFile] => [relative(join(root, "src"), file.fileName), file])
    .filter(([path]) => !path.startsWith("..") && !path.includes("generated/")),
);

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

const imports = [...sources].flatMap(([from, file]) =>
  importsOf(file).map((specifier) => ({
    from,
    specifier,
    // The file in src that is meant; undefined for a package.
    to: specifier.startsWith(".") ? join(dirname(from), specifier) : undefined,
  })),
);

describe("folders of src", () => {
  it("are all in the list", () => {
    const present = new Set([...sources.keys()].map(folderOf));
    expect([...present].filter((folder) => folder !== "" && !folders.includes(folder))).toEqual([]);
  });

  it("import only from folders above them", () => {
    const wrong = imports.filter(({ from, to }) => {
      if (to === undefined) return false;
      const [importer, imported] = [folderOf(from), folderOf(to)];
      if (importer === "") return apart.includes(imported);
      return folders.indexOf(imported) > folders.indexOf(importer);
    });
    expect(wrong.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
  });

  it("import neither node: modules nor packages where a browser has to run them", () => {
    const wrong = imports.filter(
      ({ from, to, specifier }) =>
        to === undefined && !nodeOnly.includes(folderOf(from)) && packages[folderOf(from)] !== specifier,
    );
    expect(wrong.map(({ from, specifier }) => `${from} imports ${specifier}`)).toEqual([]);
  });

  it("have no import cycles", () => {
    const cycles: string[] = [];
    const done = new Set<string>();
    const walk = (path: string, trail: string[]) => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      if (done.has(path) || trail.includes(path)) return;
      for (const { from, to } of imports) if (from === path && to !== undefined) walk(to, [...trail, path]);
      done.add(path);
    };
    for (const path of sources.keys()) walk(path, []);
    expect(cycles).toEqual([]);
  });

  it("print nothing, except the command line", () => {
    const printing: string[] = [];
    for (const [path, file] of sources) {
      if (folderOf(path) === "cli") continue;
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

describe("documentation", () => {
  const checker = program.getTypeChecker();

  it.each(["index.ts", "jax/index.ts", "node/index.ts"])(
    "says something on every symbol that %s exports",
    (entry) => {
      const file = sources.get(entry);
      expect(file, `src/${entry}`).toBeDefined();
      const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(file!)!);
      const silent = exported.filter((symbol) => {
        const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
        return target.getDocumentationComment(checker).length === 0;
      });
      expect(silent.map((symbol) => symbol.name)).toEqual([]);
    },
  );

  it("heads every kernel, before or after its imports", () => {
    const kernels = tracked.filter((path) => /^kernels\/.*\.ts$/.test(path));
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
