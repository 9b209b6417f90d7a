// TensorBoard's event files: a sequence of records in TFRecord framing, each of them an `Event` in protocol buffers. The
// numbers of the fields are those of event.proto and summary.proto in https://github.com/tensorflow/tensorboard,
// tensorboard/compat/proto; the framing is that of https://www.tensorflow.org/tutorials/load_data/tfrecord.

import { PbfWriter } from "pbf";

/** What happened at a step. */
export interface TensorBoardEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  /** By tag; TensorBoard groups tags by what stands before their first slash. Kept as float32. */
  scalars?: Record<string, number>;
  /** By tag, as Markdown. */
  texts?: Record<string, string>;
}

/** The bytes of an event file. The event that says so stands first, at the time of the first of `events`. */
export function encodeEvents(events: readonly TensorBoardEvent[]): Uint8Array {
  const version = message((pbf) => {
    pbf.writeDoubleField(1, events[0]?.wallTime ?? 0);
    pbf.writeStringField(3, "brain.Event:2");
  });
  return joined([version, ...events.map(encodeEvent)]);
}

/** The same of events that stand behind others in a file. */
export const encodeMore = (events: readonly TensorBoardEvent[]): Uint8Array =>
  joined(events.map(encodeEvent));

function joined(messages: readonly Uint8Array[]): Uint8Array {
  const records = messages.map(frame);
  const file = new Uint8Array(records.reduce((length, record) => length + record.length, 0));
  let offset = 0;
  for (const record of records) {
    file.set(record, offset);
    offset += record.length;
  }
  return file;
}

const message = (write: (pbf: PbfWriter) => void): Uint8Array => {
  const pbf = new PbfWriter();
  write(pbf);
  return pbf.finish();
};

const encodeEvent = ({ wallTime, step, scalars = {}, texts = {} }: TensorBoardEvent) =>
  message((pbf) => {
    pbf.writeDoubleField(1, wallTime);
    pbf.writeVarintField(2, step);
    pbf.writeMessage(5, writeSummary, { scalars, texts });
  });

function writeSummary(
  { scalars, texts }: Required<Pick<TensorBoardEvent, "scalars" | "texts">>,
  pbf: PbfWriter,
) {
  for (const [tag, value] of Object.entries(scalars)) {
    writeValue(pbf, tag, { plugin: "scalars", dataClass: 1 }, (pbf) => pbf.writeFloatField(2, value));
  }
  for (const [tag, text] of Object.entries(texts)) {
    writeValue(pbf, tag, { plugin: "text", dataClass: 2 }, (pbf) =>
      pbf.writeMessage(8, writeStringTensor, text),
    );
  }
}

/** What TensorBoard shows a value with, and what kind of data that gets: 1 for scalars, 2 for tensors. */
interface Display {
  plugin: string;
  dataClass: number;
}

const writeValue = (pbf: PbfWriter, tag: string, display: Display, content: (pbf: PbfWriter) => void) =>
  pbf.writeMessage(
    1,
    (_, pbf) => {
      pbf.writeStringField(1, tag);
      content(pbf);
      pbf.writeMessage(9, writeMetadata, display);
    },
    undefined,
  );

function writeMetadata({ plugin, dataClass }: Display, pbf: PbfWriter) {
  pbf.writeMessage(1, (name, pbf) => pbf.writeStringField(1, name), plugin);
  pbf.writeVarintField(4, dataClass);
}

/** A tensor without dimensions of the type DT_STRING. */
function writeStringTensor(text: string, pbf: PbfWriter) {
  pbf.writeVarintField(1, 7);
  pbf.writeMessage(2, () => {}, undefined);
  pbf.writeStringField(8, text);
}

/** A TFRecord: length, its checksum, the data, its checksum. */
function frame(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(8 + 4 + data.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** Rotated and moved, so that the checksum of bytes that hold checksums stays one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Checksums of single bytes, by the polynomial of Castagnoli, bits reversed. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

/** CRC-32C of bytes (RFC 3720, appendix B.4, has examples). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ crcTable[(crc ^ byte) & 255];
  return ~crc >>> 0;
}
