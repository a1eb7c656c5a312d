import { decodeBody, encodeBody, engineHead, type EngineHead, type EnvelopeItem } from "@upwire/cluster/envelope";
import { newEpoch, type HistoryBounds, type HistoryPage } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import type { RedisArgument, RedisReply, RedisScriptCall } from "../driver/driver.ts";
import { lookScript, pageScript, publishScript } from "../lua/scripts.ts";
import type { Names } from "./names.ts";
import type { Seen } from "./seen.ts";

/** About how much one page of a history holds. Bytes. */
const PAGE_BYTES = 1024 * 1024;
/** What one entry of the stream holds at most, unless one publication alone is larger. */
const PART_ITEMS = 128;
const PART_BYTES = 32 * 1024;
/** A script writes numbers up to this one digit by digit. */
const MOST = 1e13;
/** Time, number of publications, bytes of data: how the value of an entry begins. */
const ENTRY_HEAD_BYTES = 12;
/** Where the number of publications stands in it. */
const COUNT_AT = 6;

/** A publication in a batch. */
export interface BatchItem extends EnvelopeItem {
  /** What the data takes. */
  readonly dataBytes: number;
  readonly key: string | undefined;
  readonly keyMs: number;
}

/** What became of a batch. */
export interface BatchAnswer {
  readonly epoch: string;
  readonly run: string;
  /** The offset of the first item whose key was not known; the others count on. */
  readonly from: number;
  readonly count: number;
  readonly receivers: number;
  /** By the place in the batch: where those were published before whose keys were known. */
  readonly repeated: ReadonlyMap<number, Position>;
}

/** The calls of the scripts that keep histories, and their answers. */
export class HistoryCalls {
  readonly #names: Names;
  readonly #isSharded: boolean;
  readonly #head: EngineHead;

  constructor({ names, node, isSharded }: { readonly names: Names; readonly node: string; readonly isSharded: boolean }) {
    this.#names = names;
    this.#isSharded = isSharded;
    this.#head = engineHead(node);
  }

  look(topic: string, seen: Seen, bounds: HistoryBounds): RedisScriptCall {
    return { script: lookScript, keys: this.#keys(topic), args: [newEpoch(), seen.epoch, seen.top, seen.run, ...boundsOf(bounds)] };
  }

  page(topic: string, seen: Seen, after: number, limit: number): RedisScriptCall {
    return { script: pageScript, keys: this.#keys(topic), args: [newEpoch(), seen.epoch, seen.top, seen.run, after, limit, PAGE_BYTES] };
  }

  publish(topic: string, seen: Seen, bounds: HistoryBounds, items: readonly BatchItem[]): RedisScriptCall {
    const channel = this.#names.channel(topic);
    const keys = this.#keys(topic);
    const seenArgs = [newEpoch(), seen.epoch, seen.top, seen.run];
    const command = this.#isSharded ? "SPUBLISH" : "PUBLISH";
    const args: RedisArgument[] = [...seenArgs, ...boundsOf(bounds), command, channel, this.#head.start, this.#head.header];
    const parts = partsOf(items);
    args.push(parts.length);
    for (const part of parts) {
      let size = 0;
      for (const { dataBytes } of part) size += dataBytes;
      args.push(part.length, size, encodeBody(part));
    }
    for (const [at, { key, keyMs }] of items.entries()) {
      if (key === undefined) continue;
      keys.push(this.#names.key(topic, key));
      args.push(at + 1, Math.max(1, Math.ceil(keyMs)));
    }
    if (this.#isSharded) keys.push(channel);
    return { script: publishScript, keys, args };
  }

  #keys(topic: string): [string, ...string[]] {
    return [this.#names.meta(topic), this.#names.stream(topic)];
  }
}

/** @throws TypeError for what the script does not answer. */
export function readLook(reply: RedisReply): { readonly epoch: string; readonly top: number; readonly run: string } {
  const [epoch, top, run] = list(reply);
  return { epoch: text(epoch), top: number(top), run: text(run) };
}

/** @param size Publications of the batch. @throws TypeError for what the script does not answer. */
export function readBatch(reply: RedisReply, size: number): BatchAnswer {
  const [epoch, run, from, count, receivers, told] = list(reply);
  const repeated = new Map<number, Position>();
  const pairs = list(told);
  for (let at = 0; at < pairs.length; at += 2) {
    const [known = "", offset = ""] = text(pairs[at + 1]).split(" ");
    repeated.set(number(pairs[at]) - 1, { epoch: known, offset: Number(offset) });
  }
  const answer = { epoch: text(epoch), run: text(run), from: number(from), count: number(count), receivers: number(receivers), repeated };
  if (answer.count + repeated.size !== size) throw new TypeError(`a script answered for ${answer.count + repeated.size} of ${size} publications`);
  return answer;
}

/** What a page says, in which run, and how many entries were not ours: the history begins behind the last of those. */
export interface PageAnswer {
  readonly page: HistoryPage;
  readonly run: string;
  readonly foreign: number;
}

/** @throws TypeError for what the script does not answer. */
export function readPage(reply: RedisReply, after: number, limit: number): PageAnswer {
  const [epoch, top, first, run, given] = list(reply);
  const publications: HistoryPage["publications"][number][] = [];
  let begins = number(first);
  let foreign = 0;
  const found = list(given);
  for (let at = 0; at < found.length; at += 2) {
    const last = number(found[at]);
    const value = found[at + 1];
    const items = itemsOf(value);
    if (items === undefined || items.length > last) {
      foreign++;
      publications.length = 0;
      begins = last + 1;
      continue;
    }
    for (const [place, { data }] of items.entries()) {
      const offset = last - items.length + 1 + place;
      if (offset > after && offset >= begins && publications.length < limit) publications.push({ offset, data });
    }
  }
  return { page: { epoch: text(epoch), top: number(top), first: begins, publications }, run: text(run), foreign };
}

/** The publications in an entry of the stream; `undefined` for what the script did not write. */
function itemsOf(value: RedisReply | undefined): readonly EnvelopeItem[] | undefined {
  if (!Buffer.isBuffer(value) || value.byteLength < ENTRY_HEAD_BYTES) return undefined;
  const items = decodeBody(value.subarray(ENTRY_HEAD_BYTES));
  return items?.length === value.readUInt16BE(COUNT_AT) && items.length > 0 ? items : undefined;
}

function boundsOf({ messages, bytes, ageMs }: HistoryBounds): readonly number[] {
  return [Math.min(messages, MOST), Math.min(bytes, MOST), Math.ceil(ageMs)];
}

/** Each part becomes one entry of the stream. */
function partsOf(items: readonly BatchItem[]): (readonly BatchItem[])[] {
  const parts: (readonly BatchItem[])[] = [];
  let from = 0;
  let bytes = 0;
  for (const [at, { dataBytes }] of items.entries()) {
    if (at > from && (at - from >= PART_ITEMS || bytes + dataBytes > PART_BYTES)) {
      parts.push(items.slice(from, at));
      from = at;
      bytes = 0;
    }
    bytes += dataBytes;
  }
  parts.push(from === 0 ? items : items.slice(from));
  return parts;
}

function list(reply: RedisReply | undefined): readonly RedisReply[] {
  if (Array.isArray(reply)) return reply as readonly RedisReply[];
  throw new TypeError("a script answered something else than a list");
}

function text(reply: RedisReply | undefined): string {
  if (Buffer.isBuffer(reply)) return reply.toString("latin1");
  throw new TypeError("a script answered something else than a text");
}

function number(reply: RedisReply | undefined): number {
  if (typeof reply === "number") return reply;
  throw new TypeError("a script answered something else than a number");
}
