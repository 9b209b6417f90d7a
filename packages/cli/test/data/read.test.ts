// Tables of every format, each as its own program writes it, and what is wrong with some.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { InputError } from "flipnet/internal/formats/errors";
import { columnOf } from "flipnet/internal/tables/table";
import { ByteWriter, ParquetWriter, parquetWriteBuffer, schemaFromColumnData } from "hyparquet-writer";
import { afterAll, describe, expect, it, vi } from "vitest";
import { describeTable } from "../../src/data/describe.ts";
import { readTable } from "../../src/data/table.ts";

const root = mkdtempSync(join(tmpdir(), "flipnet-data-"));
afterAll(() => rmSync(root, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
}

const read = (...paths: string[]) => readTable(paths);

/** The cells of a table as plain values; null where one is missing. */
async function plain(...paths: string[]) {
  const { columns } = await read(...paths);
  return Object.fromEntries(
    columns.map((column) => {
      if (column.kind === "number") {
        return [column.name, Array.from(column.values, (x) => (Number.isNaN(x) ? null : x))];
      }
      if (column.kind !== "category") return [column.name, column.kind];
      return [column.name, Array.from(column.codes, (code) => (code < 0 ? null : column.levels[code]))];
    }),
  );
}

const people = { age: [33, null, 51], job: ["clerk", "baker", "clerk"], paid: [null, "true", "false"] };

describe("the same table in every format", () => {
  it.each([
    ["CSV", "people.csv", "age,job,paid\n33,clerk,\n,baker,true\n51,clerk,false\n"],
    [
      "a byte-order mark, CRLF and quotes",
      "a.csv",
      '\uFEFFage,"job",paid\r\n33,"clerk",\r\nNA,baker,true\r\n51,clerk,false',
    ],
    ["tabs", "people.tsv", "age\tjob\tpaid\n33\tclerk\t\n\tbaker\ttrue\n51\tclerk\tfalse\n"],
    ["semicolons", "people.txt", "age;job;paid\n33;clerk;?\nnull;baker;true\n51;clerk;false\n"],
  ])("%s", async (_, name, text) => {
    expect(await plain(file(name, text))).toEqual(people);
    expect(await plain(file(`${name}.gz`, gzipSync(text)))).toEqual(people);
  });

  it("Parquet, in several groups of rows", async () => {
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: "age", data: [33, null, 51], type: "INT32" },
        { name: "job", data: people.job, type: "STRING" },
        { name: "paid", data: [null, true, false], type: "BOOLEAN" },
      ],
      rowGroupSize: 2,
    });
    expect(await plain(file("people.parquet", new Uint8Array(bytes)))).toEqual(people);
  });

  it("an archive of NumPy's arrays", async () => {
    const arrays = {
      "age.npy": npy("<f8", "(3,)", floats([33, Number.NaN, 51])),
      "job.npy": npy("<U5", "(3,)", wide(people.job, 5)),
      "paid.npy": npy("<U5", "(3,)", wide(["", "true", "false"], 5)),
    };
    expect(await plain(file("people.npz", zipSync(arrays)))).toEqual(people);
  });
});

it("an array of two dimensions, in both orders", async () => {
  const rows = floats([1, 2, 3, 4, 5, 6]);
  const columns = floats([1, 4, 2, 5, 3, 6]);
  const expected = { "x.0": [1, 4], "x.1": [2, 5], "x.2": [3, 6] };
  expect(await plain(file("x.npy", npy("<f8", "(2, 3)", rows)))).toEqual(expected);
  expect(await plain(file("x.npy", npy("<f8", "(2, 3)", columns, "True")))).toEqual(expected);
  expect(await plain(file("y.npy", npy("|u1", "(2,)", Uint8Array.of(7, 255))))).toEqual({ y: [7, 255] });
  expect(await plain(file("y.npy", npy(">i2", "(2,)", Uint8Array.of(255, 254, 1, 0))))).toEqual({
    y: [-2, 256],
  });
  expect(await plain(file("y.npy", npy("<f2", "(2,)", Uint8Array.of(0, 0x3c, 0, 0xc0))))).toEqual({
    y: [1, -2],
  });
});

it("rows of several files are counted on", async () => {
  const [one, two] = [file("1.csv", "a,b\n1,x\n"), file("2.csv", "b,a\ny,2\nx,3\n")];
  expect(await plain(one, two)).toEqual({ a: [1, 2, 3], b: ["x", "y", "x"] });
  const other = file("3.csv", "a,c\n1,2\n");
  await expect(read(one, other)).rejects.toThrow(
    new InputError(`${other} has a column "c", which ${one} has not; expected the same columns`),
  );
});

it("says what columns are", async () => {
  const words = Array.from({ length: 50 }, (_, i) => `${i},always,2020-01-0${(i % 9) + 1},word ${i},`);
  const path = file("kinds.csv", `n,c,d,t,e\n${words.join("\n")}\n`);
  const table = await read(path);
  expect(table.columns.map(({ kind }) => kind)).toEqual(["number", "category", "date", "text", "empty"]);
  expect(describeTable(table).split("\n")).toEqual([
    `${path}: CSV, 50 rows, 5 columns`,
    "",
    "column  type      missing  values               as a feature",
    "n       number             0 to 49              1 number, standardised",
    "c       category           1 different: always  left out: it never changes",
    "d       date               as 2020-01-01        refused: make a number of it (days, hour), or --ignore it",
    "t       text               as word 0            refused: too many different words; --ignore it",
    "e       empty     100 %    nothing              left out",
    "",
  ]);
  expect(() => columnOf(table, "m")).toThrow(/^.* has no column "m"; .*n/);
});

it.each([
  ["cells.csv", "a,b\n1,2\n3\n", "line 3 has 1 cells; expected 2, as the first line"],
  ["early.csv", `a,b\n${"1,2\n".repeat(3)}1,2,3\n`, "line 5 has 3 cells; expected 2, as the first line"],
  ["quotes.csv", 'a,b\n1,"2\n', "the quotes opened in line 2 are never closed"],
  ["twice.csv", "a,a\n1,2\n", 'has two columns called "a" in its first line'],
  ["nameless.csv", "a,,c\n1,2,3\n", "column 2 has no name in the first line; expected one for each"],
  ["none.csv", "a,b\n", "has no rows"],
  ["empty.csv", "", "is empty; expected a table"],
  ["far.csv", "a\n1\n1e39\n", 'row 2, column "a" is 1e39; expected a number that float32 can hold'],
  [
    "short.npy",
    npy("<f8", "(3,)", floats([1])),
    "is cut short: 88 bytes; expected 104, as its shape (3) says",
  ],
  ["shape.npy", npy("<f8", "(0, 1000000000)", floats([1])), "expected whole numbers from 1 on"],
  ["negative.npy", npy("<f8", "(-1, -1)", floats([1])), "has the shape (-1, -1); expected whole"],
  ["width.npy", npy("<U0", "(1000000000000,)", floats([])), "holds items of the type U0; expected numbers"],
  [
    "letters.npy",
    npy("<U1", "(1,)", Uint8Array.of(0, 0, 0x11, 0)),
    "has a text with the code point 0x110000",
  ],
  [
    "version.npy",
    npy("<f8", "(1,)", floats([1]))
      .fill(2, 6, 7)
      .subarray(0, 11),
    "does not begin as a NumPy",
  ],
  ["header.npy", npy("|O", `(1,)${" ".repeat(200_000)}`, floats([1]), "False", 3), "holds objects"],
  ["forged.npz", forged(zipSync({ "a.npy": new Uint8Array(100) })), "is to have 1073741824 bytes, which"],
  ["long.csv", `a,b\n${"x".repeat(2 ** 22 + 9)}`, "line 2 has more than 4194304 letters"],
  ["object.npy", npy("|O", "(3,)", floats([1])), "holds objects or structures"],
  ["zip.npz", zipSync({ "a.txt": new Uint8Array(1) }), "is a zip archive without arrays"],
  ["bad.parquet", new TextEncoder().encode("PAR1 and no more"), "cannot be read as Parquet"],
  [
    "picture.png",
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0),
    "begins with the bytes 89 50 4e 47; expected CSV",
  ],
])("%s is one sentence", async (name, content, message) => {
  const path = file(name, content);
  const found = await read(path).then(
    () => undefined,
    (error) => error,
  );
  expect(found).toBeInstanceOf(InputError);
  expect(found.message).toMatch(path);
  expect(found.message).toContain(message);
});

describe("Parquet", () => {
  /** As its format has it: nothing is made smaller. */
  const packers: Record<string, (bytes: Uint8Array) => Uint8Array> = {
    UNCOMPRESSED: (bytes) => bytes,
    GZIP: gzipSync,
    BROTLI: brotliCompressSync,
    ZSTD(bytes) {
      const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0]);
      head.writeUInt32LE(bytes.length, 5);
      head.writeUIntLE(1 | (bytes.length << 3), 9, 3);
      return Buffer.concat([head, bytes]);
    },
    LZ4_RAW: lz4,
    LZ4(bytes) {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(bytes.length, 0);
      head.writeUInt32BE(lz4(bytes).length, 4);
      return Buffer.concat([head, lz4(bytes)]);
    },
  };
  function lz4(bytes: Uint8Array): Uint8Array {
    if (bytes.length < 15) return Buffer.concat([Uint8Array.of(bytes.length << 4), bytes]);
    const more = bytes.length - 15;
    return Buffer.concat([
      Buffer.from([0xf0]),
      Buffer.alloc(more / 255, 255),
      Buffer.from([more % 255]),
      bytes,
    ]);
  }
  const numbers = Array.from({ length: 300 }, (_, row) => (row % 7 === 0 ? null : row % 3));
  const words = numbers.map((_, row) => `word ${row % 5}`);
  const written = (codec: string, encodings: readonly string[], compressors = packers) =>
    Buffer.from(
      parquetWriteBuffer({
        columnData: [
          { name: "n", data: numbers, type: "INT32", encoding: encodings[0] as "PLAIN" },
          { name: "w", data: words, type: "STRING", encoding: encodings[1] as "PLAIN", nullable: false },
          { name: "yes", data: numbers.map((x) => x === 1), type: "BOOLEAN", encoding: "RLE" },
        ],
        codec: codec as "ZSTD",
        compressors,
        rowGroupSize: 200,
        pageSize: 300,
      }),
    );
  const encodings = [
    ["PLAIN", "PLAIN"],
    ["RLE_DICTIONARY", "RLE_DICTIONARY"],
    ["DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY"],
    ["BYTE_STREAM_SPLIT", "DELTA_LENGTH_BYTE_ARRAY"],
  ];

  it.each(["SNAPPY", ...Object.keys(packers)])("%s, in every encoding", async (codec) => {
    const { SNAPPY, ...others } = packers;
    for (const names of encodings) {
      const found = await plain(file("t.parquet", written(codec, names, others)));
      expect(found).toEqual({ n: numbers, w: words, yes: numbers.map((x) => String(x === 1)) });
    }
  });

  /** A file of one column, with some of its bytes replaced: what the library that decodes it would believe. */
  function forgedPage(encoding: string, nullable: boolean, where: number[], by: number[]): Uint8Array {
    const data = Array.from({ length: 200 }, (_, row) => row % 3);
    const column = { name: "n", data, type: "INT32" as const, encoding: encoding as "PLAIN", nullable };
    const bytes = Buffer.from(parquetWriteBuffer({ columnData: [column], codec: "UNCOMPRESSED" }));
    const at = bytes.indexOf(Buffer.from(where));
    expect(at).toBeGreaterThan(0);
    bytes.set(by, at);
    return bytes;
  }
  const endless = [0xff, 0xff, 0xff, 0xff, 0x0f];
  // The header of a page of the first kind, as other programs write them, as long as one of the second: 200 values in 807
  // bytes, as they are, and the length of its levels.
  const second = [0x15, 6, 0x15, 0xc6, 0x0c, 0x15, 0xc6, 0x0c];
  const first = [
    ...[
      0x15, 0, 0x15, 0xce, 0x0c, 0x15, 0xce, 0x0c, 0x2c, 0x15, 0x90, 3, 0x15, 0, 0x15, 6, 0x15, 0x86, 0, 0, 0,
    ],
    ...[3, 0, 0, 0],
  ];

  it("has pages of the first kind", async () => {
    const path = file("first.parquet", forgedPage("PLAIN", true, second, first));
    expect(await plain(path)).toEqual({ n: Array.from({ length: 200 }, (_, row) => row % 3) });
  });

  it.each([
    // 200 levels of 1; numbers of two bits, packed; 200 numbers in blocks of 128, of 4 parts.
    [
      "a run of levels",
      "PLAIN",
      [0x90, 3, 1],
      [0xfe, ...endless.slice(1)],
      "a run of 2147483647 where 200 are left",
    ],
    [
      "a run of the first kind",
      "PLAIN",
      second,
      [...first, 0xfe, ...endless.slice(1)],
      "a run of 2147483647",
    ],
    ["packed levels", "PLAIN", [0x90, 3, 1], endless, "a run of 17179869176 where 200 are left"],
    ["a run of places", "RLE_DICTIONARY", [2, 0x33], [2, 0xfe, ...endless.slice(1)], "where 200 are left"],
    ["wide places", "RLE_DICTIONARY", [2, 0x33], [33], "numbers of 33 bits"],
    ["parts of a block", "DELTA_BINARY_PACKED", [0x80, 1, 4], [0x80, 1, ...endless], "in -1 parts"],
    ["a block of none", "DELTA_BINARY_PACKED", [0x80, 1, 4], [0x80, 0, 4], "blocks of 0 numbers"],
    [
      "wide differences",
      "DELTA_BINARY_PACKED",
      [0x80, 1, 4, 200],
      [0x80, 1, 4, ...Array(20).fill(255)],
      "endless",
    ],
    ["rows of a page", "PLAIN", [0x5c, 0x15, 0x90, 3], [0x5c, 0x15, 0x92, 3], "201 values more in 200 rows"],
    [
      "fewer rows",
      "BYTE_STREAM_SPLIT",
      [0x5c, 0x15, 0x90, 3],
      [0x5c, 0x15, 0x8e, 3],
      "199 values in 200 rows",
    ],
  ])("%s that cannot be is one sentence", async (_, encoding, where, by, message) => {
    const path = file("forged.parquet", forgedPage(encoding, encoding === "PLAIN", where, by));
    const found = await read(path).catch((error) => error);
    expect(found).toBeInstanceOf(InputError);
    expect(found.message).toMatch(/^\S+forged.parquet cannot be read as Parquet \(it states [^\n]+\)$/);
    expect(found.message).toContain(message);
  });

  it.each([
    [2 ** 28, "states a group of 268435456 rows; expected at most 134217728"],
    [2 ** 27, /states 2684354560 rows, which with 1 columns take 10.0 GiB; this machine has \d/],
  ])("rows that cannot be held are one sentence, before any is read: %i of them", async (rows, message) => {
    const writer = new ByteWriter();
    const columnData = [{ name: "x", data: [1, 1, 1], type: "INT32" as const }];
    const parquet = new ParquetWriter({
      writer,
      schema: schemaFromColumnData({ columnData }),
    });
    parquet.write({ columnData });
    const [group] = parquet.row_groups;
    group.num_rows = BigInt(rows);
    for (let more = 1; more < 20; more++) parquet.row_groups.push(group);
    parquet.finish();
    const spy = vi.spyOn(process, "constrainedMemory").mockReturnValue(4 * 2 ** 30);
    await expect(read(file("stated.parquet", writer.getBytes()))).rejects.toThrow(message);
    spy.mockRestore();
  });

  it("a description whose numbers or lists do not end is one sentence", async () => {
    const whole = (text: Buffer) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.length);
      return Buffer.concat([Buffer.from("PAR1"), text, length, Buffer.from("PAR1")]);
    };
    const found = (text: Buffer) =>
      read(file("end.parquet", whole(text))).then(
        () => "read",
        ({ message }) => message,
      );
    // A number of 64 bits in a megabyte, a list of lists that says that it is long, and a length that is no file's.
    expect(await found(Buffer.concat([Buffer.from([0x16]), Buffer.alloc(2 ** 20, 0xff)]))).toContain(
      "endless",
    );
    expect(await found(Buffer.from([0x19, 0xf9, 0xff, 0xff, 0xff, 0x0f]))).toContain("a list of 33554431");
    const long = whole(Buffer.from([0]));
    long.writeUInt32LE(99, 5);
    expect(await read(file("end.parquet", long)).catch((error) => error.message)).toContain(
      "has 99 of 13 bytes",
    );
  });
});

/** An array as numpy.save writes it. */
function npy(descr: string, shape: string, data: Uint8Array, fortran = "False", version = 1): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;
  const header = `${text.padEnd(69)}\n`;
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(header.length, 0, length.length);
  const start = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, "latin1");
  return Uint8Array.from(Buffer.concat([start, length, Buffer.from(header), data]));
}

/** An archive whose directory says that its file has a gigabyte. */
function forged(zip: Uint8Array): Uint8Array {
  const at = Buffer.from(zip).indexOf("PK\x01\x02");
  new DataView(zip.buffer, zip.byteOffset).setUint32(at + 24, 2 ** 30, true);
  return zip;
}

it("says that what is piped is damaged", async () => {
  const stdin = vi.spyOn(process, "stdin", "get");
  stdin.mockReturnValue(Readable.from([Buffer.from([0x1f, 0x8b, 1, 2, 3])]) as never);
  await expect(read("-")).rejects.toThrow(new InputError("standard input cannot be read (Z_DATA_ERROR)"));
  stdin.mockRestore();
});

function floats(values: number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(values).buffer);
}

/** Text as NumPy keeps it: four bytes a letter. */
function wide(words: string[], width: number): Uint8Array {
  return new Uint8Array(
    Uint32Array.from(
      words.flatMap((word) => Array.from({ length: width }, (_, i) => word.codePointAt(i) ?? 0)),
    ).buffer,
  );
}
