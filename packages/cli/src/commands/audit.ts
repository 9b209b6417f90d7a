/** `flipnet audit`: exact bias and variance of the estimators on a small network. */
import { type Command, Option } from "commander";

interface Flags {
  json?: boolean;
  estimators?: string[];
  backend: "reference" | "wasm";
}

export function defineAudit(program: Command): void {
  program
    .command("audit")
    .description("exact gradient of a small network, and every estimator's mean, bias and variance")
    .argument(
      "<spec>",
      "a JSON file: a network with its contexts and rewards, or with components of a function; or an encoder and decoder with images",
    )
    .option("--json", "print everything as JSON instead of a table")
    .option("--estimators <names>", "these only, separated by commas; default all that can serve", (names) =>
      names.split(","),
    )
    .addOption(
      new Option("--backend <name>", "where the estimators run")
        .choices(["reference", "wasm"])
        .default("reference"),
    )
    .action(runAudit);
}

async function runAudit(path: string, { json, estimators, backend: name }: Flags): Promise<void> {
  const { readFile } = await import("node:fs/promises");
  const { InputError } = await import("flipnet/internal/formats/errors");
  const { audit } = await import("flipnet/internal/audit/audit");
  const { formatAudit } = await import("flipnet/internal/audit/format");
  const { createReferenceBackend } = await import("flipnet/internal/backend/reference");
  const { createWasmBackend } = await import("flipnet/internal/backend/wasm");
  const { formatBar, StatusLine } = await import("./terminal.ts");

  const text = await readFile(path, "utf8").catch((cause) => {
    throw new InputError(`the spec ${path} cannot be read (${cause.code ?? cause.message})`, { cause });
  });
  let spec: Parameters<typeof audit>[0];
  try {
    const content = JSON.parse(text);
    // The library's golden files hold the expected answers beside the spec.
    spec = content?.spec ?? content;
  } catch (cause) {
    throw new InputError(`the spec ${path} is not JSON: ${(cause as Error).message}`, { cause });
  }

  const status = new StatusLine(process.stderr);
  const report = audit(spec, {
    backend: name === "wasm" ? await createWasmBackend() : createReferenceBackend(),
    ...(estimators === undefined ? {} : { estimators }),
    onProgress: ({ done, total }) => {
      const part = done / total;
      const states = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} states`;
      status.update({ drawn: () => `${formatBar(part, 24)} ${states}`, plain: () => states });
    },
  });
  status.clear();
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : formatAudit(report));
}
