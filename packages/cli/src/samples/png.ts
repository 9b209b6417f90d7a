/** PNG files of a palette's colours: what pictures that are made of pixels need. */
import { crc32, deflateSync } from "node:zlib";

/** A colour as three bytes. */
export type Colour = readonly [red: number, green: number, blue: number];

/**
 * A PNG file.
 *
 * @param pixels numbers of colours, row by row
 * @param palette at most 256 colours
 */
export function encodePng(
  pixels: Uint8Array,
  { width, height, palette }: { width: number; height: number; palette: readonly Colour[] },
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // 8 bits a pixel, which are numbers of the palette.
  header.set([8, 3], 8);
  // Each row begins with the number of its filter, 0 for none.
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flat())),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A PNG file that says in words what made it. */
export function signPng(png: Buffer, words: string): Buffer {
  const end = png.length - 12;
  const said = chunk("tEXt", Buffer.from(`Software\0${words}`, "latin1"));
  return Buffer.concat([png.subarray(0, end), said, png.subarray(end)]);
}

/** Length, type, data and a checksum of the last two. */
function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}
