/** What a run was made with, for its record: nothing here decides what is learned. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { instructionsOf, type KernelKind, nativeReason } from "flipnet/internal/backend/kinds";

/** The package's own folder: this file is two below it, as source and as built. */
const packageFolder = new URL("../../", import.meta.url);

/** Version of this package. */
export const packageVersion = (): string =>
  JSON.parse(readFileSync(new URL("package.json", packageFolder), "utf8")).version;

/** Software and hardware of this process. `revision` is there when flipnet runs from a git checkout. */
export interface Environment {
  version: string;
  revision?: string;
  node: string;
  platform: string;
  cpu: string;
  /** What the kernels ask of the processor; records of before native kernels do not say. */
  instructions?: string;
  /** Why its native kernels could not be used, where they are installed. */
  withoutNative?: string;
}

export async function describeEnvironment(kernels: KernelKind | "float64"): Promise<Environment> {
  const revision = await gitRevision();
  const withoutNative = nativeReason();
  return {
    version: packageVersion(),
    ...(revision !== undefined && { revision }),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model ?? "unknown",
    instructions: kernels === "float64" ? "none in particular" : instructionsOf[kernels],
    ...(withoutNative !== undefined && { withoutNative }),
  };
}

/** The commit, with `-dirty` where files differ from it. */
async function gitRevision(): Promise<string | undefined> {
  if (!existsSync(new URL("../../.git", packageFolder))) return undefined;
  const options = { cwd: fileURLToPath(packageFolder) };
  const described = promisify(execFile)(
    "git",
    ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
    options,
  );
  return described.then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}
