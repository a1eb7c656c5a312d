import type { BrokerData, HistoryBounds, HistoryPage } from "../broker/broker.ts";
import { checkBounds, checkPublish } from "../broker/checks.ts";
import { MalformedFrame, type BatchReader } from "./batch-reader.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { flags, messages } from "./frames.ts";

/** Beside its data. */
export interface Item {
  readonly data: BrokerData;
  readonly origin: string | undefined;
}

/** @param options `isText`: bytes in `data` are the UTF-8 of a text. */
export function writePublication(
  writer: BatchWriter,
  number: number,
  data: BrokerData,
  origin: string | undefined,
  { isText }: { readonly isText: boolean },
): void {
  writer.begin(messages.publication).number(number);
  writer.byte((isText ? flags.text : 0) | (origin === undefined ? 0 : flags.origin));
  if (origin !== undefined) writer.text(origin);
  writeRest(writer, data);
  writer.end();
}

export function writeEntry(writer: BatchWriter, number: number, epoch: string, offset: number, { data, origin }: Item): void {
  writer.begin(messages.entry).number(number).text(epoch).number(offset);
  writeItem(writer, data, origin);
  writer.end();
}

/** Fills the rest of a message. */
function writeItem(writer: BatchWriter, data: BrokerData, origin: string | undefined): void {
  writer.byte((typeof data === "string" ? flags.text : 0) | (origin === undefined ? 0 : flags.origin));
  if (origin !== undefined) writer.text(origin);
  writeRest(writer, data);
}

function writeRest(writer: BatchWriter, data: BrokerData): void {
  if (typeof data === "string") writer.rawText(data);
  else writer.rawBytes(data);
}

/** Bytes are a view. */
export function readItem(reader: BatchReader): Item {
  const set = reader.byte();
  const origin = (set & flags.origin) === 0 ? undefined : reader.text();
  return { data: (set & flags.text) === 0 ? reader.rawBytes() : reader.rawText(), origin };
}

export function writeBounds(writer: BatchWriter, { messages: count, bytes, ageMs }: HistoryBounds): void {
  writer.number(count).number(bytes).float(ageMs);
}

/** @throws MalformedFrame for bounds that no node gives: the histories would refuse them. */
export function readBounds(reader: BatchReader): HistoryBounds {
  const bounds = { messages: reader.number(), bytes: reader.number(), ageMs: reader.float() };
  checked(() => checkBounds(bounds));
  return bounds;
}

function checked(check: () => void): void {
  try {
    check();
  } catch (cause) {
    throw new MalformedFrame((cause as Error).message, { cause });
  }
}

export interface PublishRequest {
  readonly number: number;
  readonly topic: string;
  readonly data: BrokerData;
  /** `undefined`: only its key is to be remembered. */
  readonly history: HistoryBounds | undefined;
  readonly key: string | undefined;
  readonly keyMs: number | undefined;
  readonly keyOwner: string | undefined;
  readonly origin: string | undefined;
}

/** @param unanswered The number of the first request that has no answer yet: earlier answers may be forgotten. */
export function writePublish(writer: BatchWriter, request: PublishRequest, unanswered: number): void {
  const { number, topic, data, history, key, keyMs, keyOwner, origin } = request;
  writer.begin(messages.publish).number(number).number(unanswered).text(topic);
  const ofKey = (key === undefined ? 0 : flags.key) | (keyMs === undefined ? 0 : flags.keyMs) | (keyOwner === undefined ? 0 : flags.keyOwner);
  writer.byte((history === undefined ? 0 : flags.bounds) | ofKey);
  if (history !== undefined) writeBounds(writer, history);
  if (key !== undefined) writer.text(key);
  if (keyMs !== undefined) writer.float(keyMs);
  if (keyOwner !== undefined) writer.text(keyOwner);
  writeItem(writer, data, origin);
  writer.end();
}

/** Bytes are a copy: the history keeps them, and must not keep all that came with them. */
export function readPublish(reader: BatchReader): PublishRequest & { readonly unanswered: number } {
  const number = reader.number();
  const unanswered = reader.number();
  if (unanswered > number) throw new MalformedFrame(`publish ${number} comes before ${unanswered}, the first that has no answer`);
  const topic = reader.text();
  const set = reader.byte();
  const history = (set & flags.bounds) === 0 ? undefined : readBounds(reader);
  const key = (set & flags.key) === 0 ? undefined : reader.text();
  const keyMs = (set & flags.keyMs) === 0 ? undefined : reader.float();
  const keyOwner = (set & flags.keyOwner) === 0 ? undefined : reader.text();
  const { data, origin } = readItem(reader);
  checked(() => checkPublish(topic, data, keyMs === undefined ? {} : { keyMs }));
  return { number, unanswered, topic, history, key, keyMs, keyOwner, origin, data: typeof data === "string" ? data : data.slice() };
}

/** What the home answers to a publish. Without history the epoch is empty. */
export interface Published {
  /** Nodes that it was handed to, beside the one that published. */
  readonly others: number;
  readonly epoch: string;
  readonly offset: number;
  readonly repeated: boolean;
}

/** @param published `undefined`: the home could not. */
export function writePublished(writer: BatchWriter, number: number, published: Published | undefined): void {
  writer.begin(messages.published).number(number);
  if (published === undefined) writer.byte(flags.failed);
  else
    writer
      .byte(published.repeated ? flags.repeated : 0)
      .number(published.others)
      .text(published.epoch)
      .number(published.offset);
  writer.end();
}

export function readPublished(reader: BatchReader): { readonly number: number; readonly published: Published | undefined } {
  const number = reader.number();
  const set = reader.byte();
  if ((set & flags.failed) !== 0) return { number, published: undefined };
  return { number, published: { others: reader.number(), epoch: reader.text(), offset: reader.number(), repeated: (set & flags.repeated) !== 0 } };
}

/** So many bytes of publications are one page, about. */
const PAGE_BYTES = 1024 * 1024;

export function writePage(writer: BatchWriter, number: number, { epoch, top, first, publications }: HistoryPage): void {
  writer.begin(messages.page).number(number).text(epoch).number(top).number(first);
  let bytes = 0;
  for (const { offset, data } of publications) {
    if (bytes > PAGE_BYTES) break;
    bytes += data.length;
    writer.number(offset).byte(typeof data === "string" ? flags.text : 0);
    if (typeof data === "string") writer.text(data);
    else writer.bytes(data);
  }
  writer.end();
}

export function readPage(reader: BatchReader): HistoryPage & { readonly number: number } {
  const number = reader.number();
  const head = { number, epoch: reader.text(), top: reader.number(), first: reader.number() };
  const publications: HistoryPage["publications"][number][] = [];
  while (reader.hasMore) {
    const offset = reader.number();
    publications.push({ offset, data: (reader.byte() & flags.text) === 0 ? reader.bytes() : reader.text() });
  }
  return { ...head, publications };
}
