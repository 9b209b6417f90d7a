// What the pages say that the code does.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { audit } from "../../packages/flipnet/src/audit/audit.ts";
import { formatAudit } from "../../packages/flipnet/src/audit/format.ts";
import { createReferenceBackend } from "../../packages/flipnet/src/backend/reference.ts";
import { createNetwork } from "../../packages/flipnet/src/network/network.ts";
import { createPass } from "../../packages/flipnet/src/network/pass.ts";
import { elboObjective } from "../../packages/flipnet/src/objectives/elbo.ts";
import { placeOf } from "../../packages/flipnet/src/objectives/objective.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(resolve(root, path), "utf8");

/** Biases of rounding size differ between engines. */
const masked = (table: string) => table.replace(/ *\d(\.\d)?e-1\d/g, " tiny").replace(/ +bias/g, " bias");

/** A page's blocks of one language. */
const blocks = (page: string, language: string) =>
  page
    .split(`\`\`\`${language}\n`)
    .slice(1)
    .map((rest) => rest.split("```")[0]);

describe("docs/audit.md", () => {
  const page = read("docs/audit.md");
  const specs = blocks(page, "json");
  const tables = blocks(page, "text");

  it("the bandit's second step prints what it says", () => {
    const text = "flipnet audit spec.json --estimators reinforce,hnca --baseline running-average --steps 2";
    expect(page).toContain(text);
    const estimators = ["reinforce", "hnca"];
    const report = audit(JSON.parse(specs[0]), { estimators, baseline: "running-average", steps: 2 });
    expect(masked(formatAudit(report))).toBe(masked(tables.find((table) => table.includes("step 2"))!));
  });

  it.each([
    ["bandit", 0, ["reinforce", "hnca"]],
    ["auto-encoder", 1, ["reinforce", "f-hnca", "reinforce-loo", "disarm", "arm"]],
    ["decision process", 3, ["reinforce", "hnca", "weight-max"]],
    ["function", 2, ["reinforce", "f-hnca", "local-expectation", "reinforce-loo", "vargrad"]],
  ])("the %s prints what it says", (_, place, estimators) => {
    const path = place === 3 ? "examples/three-rooms.json" : "spec.json";
    expect(page).toContain(`flipnet audit ${path} --estimators ${estimators.join()}`);
    if (place === 3) expect(specs[place]).toBe(read(path));
    const report = audit(JSON.parse(specs[place]), { estimators });
    expect(masked(formatAudit(report))).toBe(masked(tables[place]));
  });
});

describe("the estimators' pages", () => {
  const command = /^\$ flipnet audit (\S+) --estimators (\S+)(?: +# with "baseline": (\S+))?\n/;
  const shown = readdirSync(resolve(root, "docs/estimators")).flatMap((file) =>
    blocks(read(`docs/estimators/${file}`), "text")
      .filter((block) => command.test(block))
      .map((block): [string, string, string] => [file, command.exec(block)![0].trim(), block]),
  );

  it("show the audit", () => expect(shown.length).toBeGreaterThan(8));

  it.each(shown)("%s: %s", (_, __, block) => {
    const [line, path, names, baseline] = command.exec(block)!;
    const file = JSON.parse(read(path));
    const spec = file.spec ?? file;
    const report = audit(baseline === undefined ? spec : { ...spec, baseline: Number(baseline) }, {
      estimators: names.split(","),
    });
    expect(masked(block)).toBe(line + masked(formatAudit(report)));
  });
});

describe("docs/elbo.md", () => {
  const backend = createReferenceBackend();
  const unit = { kind: "bernoulli", units: 1 } as const;
  const network = createNetwork(backend, { inputs: 1, units: "zero-one", layers: [unit, unit, unit] });

  it.each(["analytic", "sampled"] as const)("has every component's place, entropies %s", (entropy) => {
    const page = read("docs/elbo.md");
    const [before, after] = page.split("## Sampled entropies");
    const pass = createPass(network, backend.matrix(1, 1));
    const { components } = elboObjective(network, { entropy }).prepare(pass);
    const wanted = components.filter(({ name }) => entropy === "analytic" || name.startsWith("entropy"));
    for (const component of wanted) {
      const cells = [
        component.reads.map((l) => `\`Phi_${l + 1}\``).join(", "),
        ...network.layers.map((layer) => placeOf(component, layer)),
      ];
      const row = (entropy === "analytic" ? before : after)
        .split("\n")
        .find((line) => line.startsWith(`| \`${component.name}\``))!
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim());
      expect(row.slice(-1 - cells.length, -1), component.name).toEqual(cells);
    }
  });

  it("shows the figure that its script draws", async () => {
    const script = resolve(root, "scripts/elbo-figure.mjs");
    const { stdout } = await promisify(execFile)(process.execPath, [script, "--print"]);
    expect(stdout).toBe(read("docs/figures/elbo.svg"));
  });
});
