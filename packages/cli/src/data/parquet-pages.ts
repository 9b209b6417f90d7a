/**
 * Pages of a Parquet file, looked through before hyparquet decodes them. It believes the counts that a page states: a run
 * of two thousand million levels in a page of ten values, or a block of no numbers, would keep it busy for ever or end the
 * process for want of memory. Here they are held against the rows of the group, and against the bytes that are there.
 * Layout: the Parquet format's Encodings.md and parquet.thrift (Apache). Errors say what is wrong; the caller names the file.
 */
import { brotliDecompressSync, unzipSync } from "node:zlib";
import type { ColumnMetaData, Compressors, DataReader, PageHeader, SchemaElement } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { ConvertedTypes } from "hyparquet/src/constants.js";
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js";
import { deserializeTCompactProtocol, readVarInt } from "hyparquet/src/thrift.js";
import { decompressZstd, compressors as others } from "hyparquet-compressors";

/** A column of plain values in one group of rows. */
export interface ColumnChunk {
  readonly element: SchemaElement;
  readonly metadata: ColumnMetaData;
  /** Of the group. */
  readonly rows: number;
}

/**
 * Checks all pages of a chunk, whose bytes these are; what is compressed as it is unpacked.
 *
 * @returns how to unpack them, one after the other
 * @throws Error for pages that say what cannot be
 */
export function checkPages(buffer: ArrayBuffer, chunk: ColumnChunk): Compressors {
  const { codec, total_uncompressed_size } = chunk.metadata;
  const packed: PageHeader[] = [];
  const reader: DataReader = { view: new DataView(buffer), offset: 0 };
  let rows = 0;
  // Bounds as hyparquet has them.
  while (reader.offset < buffer.byteLength - 1) {
    checkThrift({ ...reader });
    const header = parquetHeader(reader);
    const { compressed_page_size: size, uncompressed_page_size: unpacked } = header;
    demand(isCount(size, buffer.byteLength - reader.offset), `a page of ${size} bytes`);
    const most = Number(total_uncompressed_size) + mostTimes * size + 2 ** 20;
    demand(isCount(unpacked, most), `a page of ${size} bytes that unpacks to ${unpacked}`);
    const bytes = new Uint8Array(buffer, reader.offset, size);
    reader.offset += size;
    if (header.type !== "DICTIONARY_PAGE") {
      const { num_values } = dataHeader(header);
      demand(isCount(num_values, chunk.rows - rows), `${num_values} values more in ${chunk.rows} rows`);
      rows += num_values;
    }
    const { data_page_header_v2: second } = header;
    if (header.type !== "DATA_PAGE_V2" || second === undefined) {
      if (codec === "UNCOMPRESSED") checkValues(bytes, header, chunk);
      else packed.push(header);
      continue;
    }
    // Of the second kind levels are never compressed.
    const { definition_levels_byte_length: defined, repetition_levels_byte_length: repeated } = second;
    demand(isCount(repeated, size) && isCount(defined, size - repeated), `${defined} bytes of levels`);
    demand(isCount(second.num_nulls, second.num_values), `${second.num_nulls} nulls`);
    if (isOptional(chunk)) checkRuns({ view: viewOf(bytes), offset: repeated }, 1, second.num_values);
    if (codec === "UNCOMPRESSED" || second.is_compressed === false) {
      checkValues(bytes.subarray(repeated + defined), header, chunk);
    } else packed.push(header);
  }
  demand(rows === chunk.rows, `${rows} values in ${chunk.rows} rows`);
  const unpack = unpackers[codec];
  if (unpack === undefined) return {};
  let next = 0;
  return {
    [codec](bytes: Uint8Array, length: number) {
      // Of nothing: LZ4 of the library has no block for it.
      const page = length === 0 ? new Uint8Array() : unpack(bytes, length);
      checkValues(page, packed[next++], chunk);
      return page;
    },
  };
}

/** A compressed page may have so many times its bytes where the file does not speak of as many. */
const mostTimes = 1024;

/** Bytes of all texts in a page where they share their beginnings. */
const mostText = 2 ** 28;

/** Bytes of a decimal number: hyparquet takes time with the square of them. */
const mostDecimalBytes = 64;

/** Bytes of the least and the largest value of a column in the description of a file with decimal numbers. */
const mostBoundBytes = 2 ** 14;

/** Codecs that end, whatever they are given, and give no more than they are asked for. */
const unpackers: Compressors = {
  ...others,
  GZIP: (bytes, length) => unzipSync(bytes, { maxOutputLength: length }),
  BROTLI: (bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: length }),
  ZSTD: (bytes, length) => decompressZstd(bytes, new Uint8Array(length)),
  LZ4(bytes, length) {
    // Frames of Hadoop's, which have two lengths each: a negative one would lead back.
    for (let at = 0; at < bytes.length - 8; ) {
      const size = viewOf(bytes).getInt32(at + 4);
      if (size < 0) return others.LZ4_RAW!(bytes, length);
      at += 8 + size;
    }
    return others.LZ4!(bytes, length);
  },
};

/** The header of a page of values. */
function dataHeader({ type, data_page_header, data_page_header_v2 }: PageHeader) {
  const header =
    type === "DATA_PAGE" ? data_page_header : type === "DATA_PAGE_V2" ? data_page_header_v2 : undefined;
  if (header === undefined) throw new Error(`a page of kind ${type} without a header of its own`);
  return header;
}

/** Checks what an unpacked page says of itself; of the second kind, behind its levels. */
function checkValues(page: Uint8Array, header: PageHeader, { element, metadata, ...chunk }: ColumnChunk) {
  const { type } = metadata;
  const reader: DataReader = { view: viewOf(page), offset: 0 };
  const most = element.converted_type === "DECIMAL" ? mostDecimalBytes : Number.POSITIVE_INFINITY;
  if (type === "FIXED_LEN_BYTE_ARRAY") checkLength(element.type_length ?? 0, most);
  if (header.type === "DICTIONARY_PAGE") {
    const count = header.dictionary_page_header?.num_values;
    // A value has at least a bit.
    demand(isCount(count, 8 * page.length), `a dictionary of ${count} values in ${page.length} bytes`);
    if (type === "BYTE_ARRAY") checkPlainLengths(reader, count, most);
    return;
  }
  const { encoding, num_values } = dataHeader(header);
  const isFirst = header.type === "DATA_PAGE";
  let count = num_values - (isFirst ? 0 : (header.data_page_header_v2?.num_nulls ?? 0));
  if (isFirst && isOptional({ element, metadata, ...chunk })) {
    checkRuns({ view: reader.view, offset: 4 }, 1, count);
    const levels = new Uint8Array(count);
    readRleBitPackedHybrid(reader, 1, levels);
    count = 0;
    for (const level of levels) if (level === 1) count++;
  }
  switch (encoding) {
    case "PLAIN":
      if (type === "BYTE_ARRAY") checkPlainLengths(reader, count, most);
      return;
    case "RLE":
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY": {
      // Which of the two it is, as hyparquet sees it: a number of bytes ahead, or the width of each number.
      if (isFirst ? type === "BOOLEAN" : encoding === "RLE") {
        checkRuns({ view: reader.view, offset: reader.offset + 4 }, 1, count);
        return;
      }
      const width = reader.view.getUint8(reader.offset++);
      demand(width <= 32, `numbers of ${width} bits`);
      if (width > 0 || !isFirst) checkRuns(reader, width, count);
      return;
    }
    case "DELTA_BINARY_PACKED":
      skipDeltas(reader, count);
      return;
    case "DELTA_LENGTH_BYTE_ARRAY":
      for (const length of readLengths(reader, count)) checkLength(length, most);
      return;
    case "DELTA_BYTE_ARRAY": {
      const shared = readLengths(reader, count);
      const own = readLengths(reader, count);
      let before = 0;
      let total = 0;
      for (let i = 0; i < count; i++) {
        demand(isCount(shared[i], before), `${shared[i]} bytes of a text of ${before}`);
        checkLength(own[i], most);
        before = shared[i] + own[i];
        checkLength(before, most);
        total += before;
      }
      demand(total <= mostText, `texts of ${total} bytes in ${page.length}`);
    }
  }
}

/**
 * Checks the description at the end of a file, before its groups of rows and columns are read from it.
 *
 * @throws Error for one that states what cannot be
 */
export function checkDescription(footer: ArrayBuffer) {
  const view = new DataView(footer);
  checkThrift({ view, offset: 0 });
  // FileMetaData: its schema is field 2, its groups are field 4 (parquet.thrift).
  const { field_2: schema, field_4: groups } = deserializeTCompactProtocol({ view, offset: 0 });
  const isDecimal = ({ field_6 }: Record<string, unknown>) => field_6 === ConvertedTypes.indexOf("DECIMAL");
  if (!schema?.some(isDecimal)) return;
  for (const group of groups ?? []) {
    for (const chunk of group.field_1 ?? []) {
      for (const bound of Object.values(chunk.field_3?.field_12 ?? {})) {
        if (bound instanceof Uint8Array) checkLength(bound.length, mostBoundBytes);
      }
    }
  }
}

/** Walks over a structure of Thrift's compact protocol: its numbers end, and its lists are as long as they say. */
function checkThrift(reader: DataReader, type = 12) {
  const { view } = reader;
  switch (type) {
    case 1:
    case 2: // a bit, in the type
      return;
    case 3:
      reader.offset++;
      return;
    case 4:
    case 5:
    case 6:
      skipVarint(reader);
      return;
    case 7:
      reader.offset += 8;
      return;
    case 8: {
      const length = readVarInt(reader);
      demand(isCount(length, view.byteLength - reader.offset), `a text of ${length} bytes`);
      reader.offset += length;
      return;
    }
    case 9: {
      const head = view.getUint8(reader.offset++);
      const length = head >> 4 === 15 ? readVarInt(reader) : head >> 4;
      demand(isCount(length, view.byteLength - reader.offset), `a list of ${length}`);
      const each = head & 15;
      for (let i = 0; i < length; i++) checkThrift(reader, each === 1 || each === 2 ? 3 : each);
      return;
    }
    case 12:
      for (;;) {
        const head = view.getUint8(reader.offset++);
        if ((head & 15) === 0) return;
        if (head >> 4 === 0) skipVarint(reader); // the number of the field
        checkThrift(reader, head & 15);
      }
    default:
      throw new Error(`it has a field of kind ${type}`);
  }
}

/** Walks over runs of numbers of so many bits: equal ones, or packed by eight (Encodings.md, RLE). */
function checkRuns(reader: DataReader, width: number, count: number) {
  for (let left = count; left > 0; ) {
    const header = readVarInt(reader) >>> 0;
    const isPacked = (header & 1) === 1;
    const run = (header >>> 1) * (isPacked ? 8 : 1);
    // What is packed may be filled up, with bytes that are there.
    const filled =
      width > 0 ? Math.floor((reader.view.byteLength - reader.offset) / width) : Math.ceil(left / 8);
    demand(run <= (isPacked ? 8 * filled : left), `a run of ${run} where ${left} are left`);
    demand(run > 0 || !isPacked, "a run of none");
    left -= run;
    // Of numbers without bits hyparquet reads a byte.
    reader.offset += isPacked ? Math.max(1, (run / 8) * width) : Math.ceil(width / 8);
  }
}

/** Goes behind numbers in blocks of differences (Encodings.md, DELTA_BINARY_PACKED). */
function skipDeltas(reader: DataReader, count: number) {
  const block = readVarInt(reader);
  const parts = readVarInt(reader);
  const each = block / parts;
  const isRight = block > 0 && parts > 0 && parts <= reader.view.byteLength && each % 32 === 0;
  demand(isRight, `blocks of ${block} numbers in ${parts} parts`);
  skipVarint(reader); // how many there are
  skipVarint(reader); // the first
  for (let left = count - 1; left > 0; ) {
    skipVarint(reader); // the least difference
    const widths = reader.offset;
    reader.offset += parts;
    for (let i = 0; i < parts && left > 0; i++, left -= each) {
      const width = reader.view.getUint8(widths + i);
      demand(width <= 64, `differences of ${width} bits`);
      reader.offset += (each / 8) * width;
    }
  }
}

/** Lengths in blocks of differences; the reader is behind them then. */
function readLengths(reader: DataReader, count: number): Int32Array {
  skipDeltas({ ...reader }, count);
  const lengths = new Int32Array(count);
  deltaBinaryUnpack(reader, count, lengths);
  return lengths;
}

/** Goes behind a number of 64 bits at most. */
function skipVarint(reader: DataReader) {
  const start = reader.offset;
  while (reader.view.getUint8(reader.offset++) & 0x80)
    demand(reader.offset - start < 10, "an endless number");
}

/** Walks over texts behind their lengths. */
function checkPlainLengths(reader: DataReader, count: number, most: number) {
  for (let i = 0; i < count; i++) {
    const length = reader.view.getUint32(reader.offset, true);
    checkLength(length, Math.min(most, reader.view.byteLength - reader.offset - 4));
    reader.offset += 4 + length;
  }
}

function checkLength(length: number, most: number) {
  demand(isCount(length, most), `a value of ${length} bytes`);
}

const isOptional = ({ element }: ColumnChunk) => element.repetition_type !== "REQUIRED";

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A whole number from 0 to so many; a damaged header may have none at all. */
const isCount = (count: number | undefined, most: number): count is number =>
  Number.isInteger(count) && count! >= 0 && count! <= most;

function demand(isRight: boolean, found: string): asserts isRight {
  if (!isRight) throw new Error(`it states ${found}`);
}
