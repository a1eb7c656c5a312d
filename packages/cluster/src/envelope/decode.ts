import { epochPattern } from "../broker/epoch.ts";
import { isNodeName } from "../broker/node-name.ts";
import { asBuffer, EnvelopeReader } from "./envelope-reader.ts";
import { ENVELOPE_VERSION, type Envelope, type EnvelopeItem, type PublicationsEnvelope, type SenderTop, type TopsEnvelope } from "./envelope.ts";
import {
  HAS_EARLIER,
  HAS_EXTENSION,
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
} from "./layout.ts";

const runPattern = /^[A-Za-z0-9_-]{1,32}$/;

/**
 * What the bytes of an envelope say; `undefined` for bytes that are no envelope of ours, whatever they are. It never throws. Flags
 * and fields that it does not know are skipped. Binary data is a view of `bytes`, not a copy.
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  const reader = new EnvelopeReader(asBuffer(bytes), 0, bytes.byteLength);
  if (reader.byte() !== MAGIC_0 || reader.byte() !== MAGIC_1) return undefined;
  const version = reader.byte();
  if (version === 0) return undefined;
  if (version > ENVELOPE_VERSION) return { kind: "newer", version };
  const kind = reader.byte();
  const header = reader.part(reader.varint());
  if (header.isWrong) return undefined;
  if (kind === KIND_PUBLICATIONS) return readPublications(header, reader);
  if (kind === KIND_TOPS) return readTops(header, reader);
  if (kind === KIND_CONTROL) return readControl(header, reader);
  return { kind: "newer", version };
}

/** What `encodeBody` wrote; `undefined` for other bytes. */
export function decodeBody(bytes: Uint8Array): EnvelopeItem[] | undefined {
  return readItems(new EnvelopeReader(asBuffer(bytes), 0, bytes.byteLength));
}

function readPublications(header: EnvelopeReader, reader: EnvelopeReader): PublicationsEnvelope | undefined {
  const flags = header.byte();
  const node = header.ascii(header.byte());
  const first = flags & HAS_NUMBER ? header.varint() : undefined;
  const earlierMs = flags & HAS_EARLIER ? header.varint() : undefined;
  const position = flags & HAS_POSITION ? { epoch: header.ascii(header.byte()), offset: header.offset() } : undefined;
  const run = flags & HAS_RUN ? header.ascii(header.byte()) : undefined;
  const skipped = flags & HAS_SKIPPED ? header.varint() : undefined;
  if (header.isWrong || !isNodeName(node) || (run !== undefined && !runPattern.test(run))) return undefined;
  if (first === 0 || (position !== undefined && (position.offset === 0 || !epochPattern.test(position.epoch)))) return undefined;
  const items = readItems(reader);
  if (items === undefined) return undefined;
  return { kind: "publications", node, first, earlierMs, position, run, skipped, items };
}

function readItems(reader: EnvelopeReader): EnvelopeItem[] | undefined {
  const items: EnvelopeItem[] = [];
  while (!reader.isAtEnd) {
    const end = reader.open(reader.varint());
    items.push(readItem(reader));
    reader.close(end);
    if (reader.isWrong) return undefined;
  }
  return items;
}

function readItem(reader: EnvelopeReader): EnvelopeItem {
  const flags = reader.byte();
  const origin = flags & HAS_ORIGIN ? reader.utf8(reader.byte()) : undefined;
  if (flags & HAS_EXTENSION) reader.skip(reader.varint());
  return { data: flags & IS_BINARY ? reader.view(reader.left) : reader.utf8(reader.left), origin };
}

function readTops(header: EnvelopeReader, reader: EnvelopeReader): TopsEnvelope | undefined {
  const node = header.ascii(header.byte());
  if (header.isWrong || !isNodeName(node)) return undefined;
  const tops: SenderTop[] = [];
  while (!reader.isAtEnd) {
    const part = reader.part(reader.varint());
    const top = { topic: part.utf8(part.varint()), number: part.varint(), ageMs: part.varint() };
    if (part.isWrong) return undefined;
    tops.push(top);
  }
  return { kind: "tops", node, tops };
}

function readControl(header: EnvelopeReader, reader: EnvelopeReader): Envelope | undefined {
  const node = header.ascii(header.byte());
  if (header.isWrong || !isNodeName(node)) return undefined;
  return { kind: "control", node, data: reader.view(reader.left) };
}
