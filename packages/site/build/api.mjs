// The API reference as Markdown, by TypeDoc from the docstrings: a page for every public name.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Application } from "typedoc";

const root = resolve(import.meta.dirname, "../../..");
/** Entry points: what TypeDoc calls them, and what users import. */
const names = {
  "flipnet/src": "flipnet",
  "flipnet/src/estimators": "flipnet/estimators",
  "flipnet/src/node": "flipnet/node",
  "flipnet/src/redis": "flipnet/redis",
  "flipnet/src/jax": "flipnet/jax",
  "cli/src": "@flipnet/cli",
};
/** What each is for, on the first page. */
const says = {
  flipnet:
    "networks, objectives, estimators, optimizers, tasks, training, the online agent, the exact audit of estimators",
  "flipnet/estimators": "what estimators are made of",
  "flipnet/node": "data files, the agent's log and versions, models from the folders of runs",
  "flipnet/redis": "agents in many processes, one of which learns",
  "flipnet/jax": "functions written with jax-js as front ends",
  "@flipnet/cli": "runs in folders, sweeps, reports and exports, from a program",
};
const entries = Object.keys(names).map((folder) => `${folder}/index.ts`);

/** Writes the reference into a folder. */
export async function writeReference(out) {
  const app = await Application.bootstrapWithPlugins({
    plugin: ["typedoc-plugin-markdown"],
    entryPoints: entries.map((path) => join(root, "packages", path)),
    outputs: [{ name: "markdown", path: out }],
    tsconfig: join(root, "tsconfig.json"),
    name: "API",
    readme: "none",
    // Types are checked elsewhere.
    skipErrorChecking: true,
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    disableSources: true,
    disableGit: true,
    hideGenerator: true,
    logLevel: "Error",
    // Of typedoc-plugin-markdown.
    hidePageHeader: true,
    hideBreadcrumbs: true,
    outputFileStrategy: "members",
    entryFileName: "index.md",
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    typeAliasPropertiesFormat: "table",
    propertyMembersFormat: "table",
    useCodeBlocks: true,
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc has found nothing");
  for (const module of project.children) {
    const name = names[module.name];
    if (name === undefined)
      throw new Error(`TypeDoc calls an entry point ${module.name}; expected one of ${Object.keys(names)}`);
    module.name = name;
  }
  await app.generateOutputs(project);
  const first = join(out, "index.md");
  const list = readFileSync(first, "utf8").replace(
    /^- \[(.*?)\]\(.*\)$/gm,
    (line, name) => `${line}: ${says[name.replaceAll("\\", "")]}`,
  );
  writeFileSync(
    first,
    list.replace("## Modules", "Every public name, from its docstring.\n\n## What is imported"),
  );
}
if (process.argv[2]) await writeReference(process.argv[2]);
