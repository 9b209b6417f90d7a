import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeCsv } from "../../src/formats/csv.ts";

it("quotes what needs it, and nothing else", () => {
  const rows = [
    ["a", "b,c", 'd"e', "f\ng"],
    [1e-7, null, true, -0.1],
    ["", " x ", "\n", "[1,2]"],
  ];
  expect(encodeCsv(rows)).toBe('a,"b,c","d""e","f\ng"\r\n' + "1e-7,,true,-0.1\r\n" + ', x ,"\n","[1,2]"\r\n');
});

it("makes no formulas of texts", () => {
  const rows = [
    ["=cmd|' /C calc'!A0", "+1", "@x", "\t=1", "-"],
    [-1, "a=1", "", null, "1-2"],
  ];
  expect(encodeCsv(rows)).toBe("'=cmd|' /C calc'!A0,'+1,'@x,'\t=1,'-\r\n-1,a=1,,,1-2\r\n");
});

/** The grammar of RFC 4180, field by field. */
function parse(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows[rows.length - 1].push(quoted?.replaceAll('""', '"') ?? plain);
    if (end !== ",") rows.push([]);
  }
  return rows.slice(0, -1);
}

it("is read back as it was, but for the apostrophe before what could be a formula", () => {
  const text = fc.string({ unit: fc.constantFrom("a", '"', ",", "\r", "\n", " ", "é") });
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  const table = fc.array(fc.array(fc.oneof(text, number), { minLength: 1, maxLength: 4 }), { maxLength: 4 });
  fc.assert(
    fc.property(table, (rows) => {
      const read = parse(encodeCsv(rows));
      // -0 is written as 0.
      const expected = rows.map((row) =>
        row.map((cell) => (typeof cell === "number" ? cell + 0 : cell.replace(/^\r/, "'\r"))),
      );
      const typed = read.map((row, i) =>
        row.map((field, j) => (typeof rows[i][j] === "number" ? Number(field) : field)),
      );
      expect(typed).toEqual(expected);
    }),
  );
});
