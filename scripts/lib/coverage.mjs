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
    const { ran } = traceOf(fileURLToPath(url));
    const now = new Uint8Array(ran.length);
    // Inner ranges come after those that they are in.
    for (const { ranges } of functions)
      for (const { startOffset, endOffset, count } of ranges)
        now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    // The counts are those since the last time.
    for (let i = 0; i < now.length; i++) ran[i] |= now[i];
  }
  return Object.entries(files).map(([file, without]) => {
    const { text, ran } = traceOf(fileURLToPath(new URL(file, import.meta.url)));
    const left = without.map((name) => rangeOf(text, name));
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

/** A file's text, and which of its characters ran. */
function traceOf(path) {
  if (!traces.has(path)) {
    const text = readFileSync(path, "utf8");
    traces.set(path, { text, ran: new Uint8Array(text.length) });
  }
  return traces.get(path);
}

/** Where a function at the top of a file stands. */
function rangeOf(text, name) {
  const startOffset = text.search(new RegExp(`^(export )?(async )?(function|const) ${name}\\b`, "m"));
  if (startOffset < 0) throw new Error(`there is no function ${name}`);
  const end = /\n\}|;\n(?=\S)|$/.exec(text.slice(startOffset));
  return { startOffset, endOffset: startOffset + end.index + 2 };
}
