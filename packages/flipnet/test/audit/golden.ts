/** Answers of an independent program, one file a network: the spec, and `expected` as the audit reports it. */
import { readdirSync, readFileSync } from "node:fs";
import type { BanditReport, ElboReport } from "../../src/audit/audit.ts";
import type { BanditSpec } from "../../src/audit/bandit-spec.ts";
import type { ElboSpec } from "../../src/audit/elbo-spec.ts";

interface Golden<Spec, Report> {
  spec: Spec;
  expected: Report;
}

const folder = new URL("golden/", import.meta.url);
const files = readdirSync(folder);

const readAll = <Spec, Report>(names: string[]): [name: string, Golden<Spec, Report>][] =>
  names.map((file) => [file.replace(".json", ""), JSON.parse(readFileSync(new URL(file, folder), "utf8"))]);

export const golden = readAll<BanditSpec, BanditReport>(files.filter((file) => !file.startsWith("elbo-")));
export const goldenElbos = readAll<ElboSpec, ElboReport>(files.filter((file) => file.startsWith("elbo-")));

export const goldenSpec = (name: string): BanditSpec => new Map(golden).get(name)!.spec;
export const goldenElbo = (name: string): ElboSpec => new Map(goldenElbos).get(name)!.spec;
