// Tables of numbers in pages.
import { readFile, writeFile } from "node:fs/promises";

/** A table of Markdown. */
export const tableOf = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** Puts tables between the marks of their names in a page. */
export async function putTables(page, tables) {
  let text = await readFile(page, "utf8");
  for (const [name, table] of Object.entries(tables)) {
    const [from, to] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [before, after] = [text.indexOf(from) + from.length, text.indexOf(to)];
    text = `${text.slice(0, before)}\n\n${table}\n\n${text.slice(after)}`;
  }
  await writeFile(page, text);
}
