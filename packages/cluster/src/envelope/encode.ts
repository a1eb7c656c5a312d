import { EnvelopeWriter, varintBytes } from "./envelope-writer.ts";
import { ENVELOPE_VERSION, type ControlEnvelope, type EnvelopeItem, type PublicationsEnvelope, type SenderTop, type TopsEnvelope } from "./envelope.ts";
import {
  HAS_EARLIER,
  HAS_NUMBER,
  HAS_ORIGIN,
  HAS_POSITION,
  HAS_RUN,
  HAS_SKIPPED,
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

/** Items as the body of an envelope, where a script inside the server (Lua in Redis) writes the header with the position that it gives. */
export function encodeBody(items: readonly EnvelopeItem[]): Buffer {
  const sizes = items.map(itemBytes);
  let size = 0;
  for (const bytes of sizes) size += varintBytes(bytes) + bytes;
  const writer = new EnvelopeWriter(size);
  writeItems(writer, items, sizes);
  return writer.bytes;
}

/** The parts of an envelope that such a script puts before the body. */
export interface EngineHead {
  /** What stands before the length of the header. */
  readonly start: Buffer;
  /** How the header begins. Epoch, offset and run follow; they make it no longer than 127 bytes. */
  readonly header: Buffer;
}

/** For the envelopes with history that the node `node` publishes. */
export function engineHead(node: string): EngineHead {
  const header = new EnvelopeWriter(2 + node.length);
  header.byte(HAS_POSITION | HAS_RUN);
  writeName(header, node);
  return { start: Buffer.of(MAGIC_0, MAGIC_1, ENVELOPE_VERSION, KIND_PUBLICATIONS), header: header.bytes };
}

function encodePublications({ node, first, earlierMs, position, run, skipped, items }: PublicationsEnvelope): Buffer {
  const earlier = earlierMs === undefined ? undefined : Math.max(0, Math.round(earlierMs));
  let header = 2 + node.length;
  if (first !== undefined) header += varintBytes(first);
  if (earlier !== undefined) header += varintBytes(earlier);
  if (position !== undefined) header += 1 + position.epoch.length + OFFSET_BYTES;
  if (run !== undefined) header += 1 + run.length;
  if (skipped !== undefined) header += varintBytes(skipped);
  const sizes = items.map(itemBytes);
  let size = PREFIX_BYTES + varintBytes(header) + header;
  for (const bytes of sizes) size += varintBytes(bytes) + bytes;
  const writer = begin(size, KIND_PUBLICATIONS, header);
  let flags = 0;
  if (first !== undefined) flags |= HAS_NUMBER;
  if (earlier !== undefined) flags |= HAS_EARLIER;
  if (position !== undefined) flags |= HAS_POSITION;
  if (run !== undefined) flags |= HAS_RUN;
  if (skipped !== undefined) flags |= HAS_SKIPPED;
  writer.byte(flags);
  writeName(writer, node);
  if (first !== undefined) writer.varint(first);
  if (earlier !== undefined) writer.varint(earlier);
  if (position !== undefined) {
    writeName(writer, position.epoch);
    writer.offset(position.offset);
  }
  if (run !== undefined) writeName(writer, run);
  if (skipped !== undefined) writer.varint(skipped);
  writeItems(writer, items, sizes);
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

function begin(size: number, kind: number, header: number): EnvelopeWriter {
  const writer = new EnvelopeWriter(size);
  writer.byte(MAGIC_0);
  writer.byte(MAGIC_1);
  writer.byte(ENVELOPE_VERSION);
  writer.byte(kind);
  writer.varint(header);
  return writer;
}

function writeName(writer: EnvelopeWriter, name: string): void {
  writer.byte(name.length);
  writer.ascii(name);
}

function itemBytes({ data, origin }: EnvelopeItem): number {
  const dataBytes = typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
  return 1 + (origin === undefined ? 0 : 1 + Buffer.byteLength(origin)) + dataBytes;
}

function writeItems(writer: EnvelopeWriter, items: readonly EnvelopeItem[], sizes: readonly number[]): void {
  for (let at = 0; at < items.length; at++) {
    const item = items[at];
    if (item === undefined) continue;
    writer.varint(sizes[at] ?? 0);
    writeItem(writer, item);
  }
}

function writeItem(writer: EnvelopeWriter, { data, origin }: EnvelopeItem): void {
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
