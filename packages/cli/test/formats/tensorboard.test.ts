import { describe, expect, it } from "vitest";
import { crc32c, encodeEvents } from "../../src/formats/tensorboard.ts";

describe("crc32c", () => {
  const bytes = (value: (i: number) => number) => Uint8Array.from({ length: 32 }, (_, i) => value(i));

  it.each<[string, Uint8Array, number]>([
    // RFC 3720, appendix B.4
    ["32 zeros", bytes(() => 0), 0x8a9136aa],
    ["32 ones", bytes(() => 255), 0x62a8ab43],
    ["0 to 31", bytes((i) => i), 0x46dd794e],
    ["31 to 0", bytes((i) => 31 - i), 0x113fdb5c],
    // The check value of catalogues of such codes.
    ["digits", new TextEncoder().encode("123456789"), 0xe3069283],
    ["nothing", new Uint8Array(), 0],
  ])("of %s", (_, input, expected) => {
    expect(crc32c(input)).toBe(expected);
  });
});

// tensorboard 2.21.0, protobuf 7.36.2, by RecordWriter and SerializeToString: Event(wall_time=1.5,
// file_version="brain.Event:2"), then the two events below, with metadata of plugins "text" and "scalars" and their
// data_class.
const fromPython =
  "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c2d000000000000003c41" +
  "8afb09000000000000f83f10012a200a1e0a06636f6e6669674208080712004202c3a94a0a0a060a04746578742002eb25b7" +
  "2656000000000000004e2de2b2090000d088b3c0da411080e497d0122a450a1a0a04656c626f156666c7c24a0d0a090a0773" +
  "63616c61727320010a270a1176617269616e63652f6c61796572732f3015cdcccc3d4a0d0a090a077363616c617273200157" +
  "359951";

it("writes the very bytes that Python writes", () => {
  const bytes = encodeEvents([
    { wallTime: 1.5, step: 1, texts: { config: "é" } },
    { wallTime: 1795345955.25, step: 5e9, scalars: { elbo: -99.7, "variance/layers/0": 0.1 } },
  ]);
  expect(Buffer.from(bytes).toString("hex")).toBe(fromPython);
});

it("writes a file that says what it is where there are no events", () => {
  expect(encodeEvents([]).length).toBe(8 + 4 + 24 + 4);
});
