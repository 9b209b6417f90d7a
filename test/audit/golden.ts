/** Answers of an independent program, one file a network: the spec, and `expected` as `AuditReport` has it. */
import { readdirSync, readFileSync } from "node:fs";
import type { AuditReport } from "../../src/audit/audit.ts";
import type { BanditSpec } from "../../src/audit/spec.ts";

interface Golden {
  spec: BanditSpec;
  expected: AuditReport;
}

const folder = new URL("golden/", import.meta.url);

export const golden: [name: string, Golden][] = readdirSync(folder).map((file) => [
  file.replace(".json", ""),
  JSON.parse(readFileSync(new URL(file, folder), "utf8")),
]);

export const goldenSpec = (name: string): BanditSpec => new Map(golden).get(name)!.spec;
