// node test/net/write.mjs --anew
// node test/net/write.mjs --changed NAME --only PATTERN --because "REASON"
//
// The first makes all fixtures; they are those of revision 5736f2a, and stay. The second writes down which values are
// others now, as one group in changed.json with a reason that fits into a sentence. PATTERN is a regular expression: where
// a value changed whose name does not match it, nothing is written. Both take the build. No test writes.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import * as cli from "../../packages/cli/dist/index.js";
import { runIdOf } from "../../packages/cli/dist/running/run-folder.js";
import * as flipnet from "../../packages/flipnet/dist/index.js";
import { agentFileOf, createNet, fixtures, readPinned, runsFolderOf, slug } from "./net.mjs";
import { agents, runs } from "./settings.mjs";

const { values: flags } = parseArgs({
  options: {
    anew: { type: "boolean" },
    changed: { type: "string" },
    only: { type: "string" },
    because: { type: "string" },
  },
});
if (!flags.anew && !(flags.changed && flags.only && flags.because)) {
  console.error("expected --anew, or all of --changed NAME --only PATTERN --because REASON");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "flipnet-net-"));
const net = createNet({ ...flipnet, ...cli, runIdOf }, folder);
try {
  await (flags.anew ? writeAnew() : writeChanged());
} finally {
  rmSync(folder, { recursive: true });
}

async function writeAnew() {
  rmSync(fixtures, { recursive: true, force: true });
  for (const [name, run] of Object.entries(runs)) {
    // A run's config names the folder that it is in: here one that is where the process is.
    await makeRun(slug(name), run);
    cpSync(slug(name), runsFolderOf(name), { recursive: true });
    rmSync(slug(name), { recursive: true });
  }
  for (const name of Object.keys(agents)) {
    mkdirSync(dirname(agentFileOf(name)), { recursive: true });
    writeFileSync(agentFileOf(name), await (await net.trainAgent(name)).save());
  }
  save("hashes.json", await valuesOf(net.hashes));
  save("ids.json", await valuesOf(net.ids));
  save("changed.json", {});
}

async function writeChanged() {
  const { pinned, changed } = readPinned();
  const now = { ...(await valuesOf(net.hashes)), ...(await valuesOf(net.ids)) };
  const others = Object.entries(now).filter(([name, value]) => !isDeepStrictEqual(value, pinned[name]));
  const unexpected = others.map(([name]) => name).filter((name) => !new RegExp(flags.only).test(name));
  if (unexpected.length > 0) throw new Error(`others changed, too:\n${unexpected.join("\n")}`);
  if (others.length === 0) throw new Error("nothing changed");
  if (flags.changed in changed) throw new Error(`there is a group "${flags.changed}" already`);
  save("changed.json", {
    ...changed,
    [flags.changed]: { because: flags.because, values: Object.fromEntries(others) },
  });
  console.log(`${others.length} values changed`);
}

async function valuesOf(functions) {
  const values = {};
  for (const [name, value] of Object.entries(functions)) {
    try {
      values[name] = await value();
    } catch (cause) {
      throw new Error(name, { cause });
    }
  }
  return values;
}

function save(name, values) {
  writeFileSync(join(fixtures, name), `${JSON.stringify(values, undefined, 2)}\n`);
}

/** Trains into a folder until `stop`, if any. Runs look up every tenth of a second: so a clock makes every step take one. */
async function makeRun(out, { settings, stop }) {
  const { now } = performance;
  const controller = new AbortController();
  let ahead = 0;
  await cli.trainRun(cli.parseConfig({ ...settings, out }), {
    signal: controller.signal,
    checkpointEvery: Infinity,
    onEpoch: ({ epoch }) => {
      if (epoch + 1 !== stop?.epoch) return;
      performance.now = () => {
        ahead += 1000;
        return ahead + now.call(performance);
      };
    },
    onProgress: ({ epoch, step }) => {
      if (epoch === stop?.epoch && step === stop.step) controller.abort();
    },
  });
  performance.now = now;
}
