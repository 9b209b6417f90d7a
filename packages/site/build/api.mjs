// The API reference as Markdown, by TypeDoc from the docstrings: a page for every public name.
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
}
if (process.argv[2]) await writeReference(process.argv[2]);
