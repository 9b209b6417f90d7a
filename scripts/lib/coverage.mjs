// How much of a program's files has run, by lines, as V8 counts it. To be imported before them: it begins then.
import { readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });

/**
 * @param files paths, as an `import` from this folder would have them, each with the names of functions that do not count
 * @returns for each the number of lines with code, and the numbers of those that did not run
 */
export async function linesOf(files) {
  const { result } = await promisify(session.post.bind(session))("Profiler.takePreciseCoverage");
  for (const { url, functions } of result) {
    if (!url.startsWith("file:")) continue;
    const { ran, others } = traceOf(fileURLToPath(url));
    const now = new Uint8Array(ran.length);
    // Inner ranges come after those that they are in.
    for (const { functionName, ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges)
        now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
      others.set(functionName, ranges[0]);
    }
    // The counts are those since the last time.
    for (let i = 0; i < now.length; i++) ran[i] |= now[i];
  }
  return Object.entries(files).map(([file, without]) => {
    const { text, ran, others } = traceOf(fileURLToPath(new URL(file, import.meta.url)));
    const left = without.map((name) => {
      if (!others.has(name)) throw new Error(`${file} has no function ${name}`);
      return others.get(name);
    });
    let [at, code, missed] = [0, 0, []];
    for (const [i, line] of text.split("\n").entries()) {
      const first = at + line.search(/\S|$/);
      at += line.length + 1;
      if (!/\w/.test(line) || /^\s*(\/\/|\/?\*|import |export \{)/.test(line)) continue;
      if (left.some(({ startOffset, endOffset }) => first >= startOffset && first < endOffset)) continue;
      code++;
      if (!ran[first]) missed.push(i + 1);
    }
    return { file, code, missed };
  });
}

const traces = new Map();

/** A file's text, which of its characters ran, and where its functions are. */
function traceOf(path) {
  if (!traces.has(path)) {
    const text = readFileSync(path, "utf8");
    traces.set(path, { text, ran: new Uint8Array(text.length), others: new Map() });
  }
  return traces.get(path);
}
