import { ByteWriter, varintBytes } from "./byte-writer.ts";
import { ENVELOPE_VERSION, type ControlEnvelope, type EnvelopeItem, type PublicationsEnvelope, type SenderTop, type TopsEnvelope } from "./envelope.ts";
import {
  HAS_EARLIER,
  HAS_NUMBER,
  HAS_ORIGIN,
  HAS_POSITION,
  IS_BINARY,
  KIND_CONTROL,
  KIND_PUBLICATIONS,
  KIND_TOPS,
  MAGIC_0,
  MAGIC_1,
  OFFSET_BYTES,
} from "./layout.ts";

/** Magic, version and kind. */
const PREFIX_BYTES = 4;

/** The bytes of an envelope. Text goes out as UTF-8: half of a surrogate pair comes back as U+FFFD, as it does on a WebSocket. */
export function encodeEnvelope(envelope: PublicationsEnvelope | TopsEnvelope | ControlEnvelope): Buffer {
  if (envelope.kind === "publications") return encodePublications(envelope);
  return envelope.kind === "tops" ? encodeTops(envelope) : encodeControl(envelope);
}

/** One item as it stands in an envelope behind its length, for an engine that keeps each publication on its own. */
export function encodeItem(item: EnvelopeItem): Buffer {
  const writer = new ByteWriter(itemBytes(item));
  writeItem(writer, item);
  return writer.bytes;
}

function encodePublications({ node, first, earlierMs, position, items }: PublicationsEnvelope): Buffer {
  const earlier = earlierMs === undefined ? undefined : Math.max(0, Math.round(earlierMs));
  let header = 2 + node.length;
  if (first !== undefined) header += varintBytes(first);
  if (earlier !== undefined) header += varintBytes(earlier);
  if (position !== undefined) header += 1 + position.epoch.length + OFFSET_BYTES;
  const sizes = items.map(itemBytes);
  let size = PREFIX_BYTES + varintBytes(header) + header;
  for (const bytes of sizes) size += varintBytes(bytes) + bytes;
  const writer = begin(size, KIND_PUBLICATIONS, header);
  writer.byte((first === undefined ? 0 : HAS_NUMBER) | (earlier === undefined ? 0 : HAS_EARLIER) | (position === undefined ? 0 : HAS_POSITION));
  writeName(writer, node);
  if (first !== undefined) writer.varint(first);
  if (earlier !== undefined) writer.varint(earlier);
  if (position !== undefined) {
    writeName(writer, position.epoch);
    writer.offset(position.offset);
  }
  for (const [at, item] of items.entries()) {
    writer.varint(sizes[at] ?? 0);
    writeItem(writer, item);
  }
  return writer.bytes;
}

function encodeTops({ node, tops }: TopsEnvelope): Buffer {
  const header = 1 + node.length;
  const sizes = tops.map(topBytes);
  let size = PREFIX_BYTES + varintBytes(header) + header;
  for (const bytes of sizes) size += varintBytes(bytes) + bytes;
  const writer = begin(size, KIND_TOPS, header);
  writeName(writer, node);
  for (const [at, { topic, number, ageMs }] of tops.entries()) {
    writer.varint(sizes[at] ?? 0);
    writer.varint(Buffer.byteLength(topic));
    writer.utf8(topic);
    writer.varint(number);
    writer.varint(Math.max(0, Math.round(ageMs)));
  }
  return writer.bytes;
}

function encodeControl({ node, data }: ControlEnvelope): Buffer {
  const header = 1 + node.length;
  const writer = begin(PREFIX_BYTES + varintBytes(header) + header + data.byteLength, KIND_CONTROL, header);
  writeName(writer, node);
  writer.copy(data);
  return writer.bytes;
}

function begin(size: number, kind: number, header: number): ByteWriter {
  const writer = new ByteWriter(size);
  writer.byte(MAGIC_0);
  writer.byte(MAGIC_1);
  writer.byte(ENVELOPE_VERSION);
  writer.byte(kind);
  writer.varint(header);
  return writer;
}

function writeName(writer: ByteWriter, name: string): void {
  writer.byte(name.length);
  writer.ascii(name);
}

function itemBytes({ data, origin }: EnvelopeItem): number {
  const dataBytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
  return 1 + (origin === undefined ? 0 : 1 + Buffer.byteLength(origin)) + dataBytes;
}

function writeItem(writer: ByteWriter, { data, origin }: EnvelopeItem): void {
  writer.byte((typeof data === "string" ? 0 : IS_BINARY) | (origin === undefined ? 0 : HAS_ORIGIN));
  if (origin !== undefined) {
    // At most 64 characters of three bytes each.
    writer.byte(Buffer.byteLength(origin));
    writer.utf8(origin);
  }
  if (typeof data === "string") writer.utf8(data);
  else writer.copy(data);
}

function topBytes({ topic, number, ageMs }: SenderTop): number {
  const topicBytes = Buffer.byteLength(topic);
  return varintBytes(topicBytes) + topicBytes + varintBytes(number) + varintBytes(Math.max(0, Math.round(ageMs)));
}
