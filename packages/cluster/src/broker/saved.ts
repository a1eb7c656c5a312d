import type { BrokerData, HistoryBounds } from "./broker.ts";
import { epochPattern } from "./epoch.ts";
import type { Position } from "@upwire/protocol";

/** One publication: its data, and its age when it was saved. */
type SavedEntry = readonly [data: BrokerData, ageMs: number];

export interface SavedTopic {
  readonly topic: string;
  readonly epoch: string;
  readonly top: number;
  readonly bounds: HistoryBounds;
  /** Since the last publication, or the last member. */
  readonly idleMs: number;
  /** The newest ones up to `top`, the oldest first. */
  readonly entries: readonly SavedEntry[];
}

interface SavedKey {
  readonly name: string;
  readonly position: Position | undefined;
  readonly leftMs: number;
  readonly owner?: string;
}

/** What a broker knew. All times are counted from the moment at which it was saved. */
export interface Saved {
  readonly topics: readonly SavedTopic[];
  readonly keys: readonly SavedKey[];
}

/**
 * Four letters, a version, and the length and checksum of what follows: the length of a JSON text (all numbers are 32 bits, big
 * end first), the text, and the binary publications. In the text a number stands in their place: how many bytes each has.
 */
const MAGIC = "upwb";
const VERSION = 1;
const HEAD_BYTES = 17;

export function encodeSaved({ topics, keys }: Saved): Uint8Array {
  const blobs: Uint8Array[] = [];
  const dataOf = (data: BrokerData): string | number => (typeof data === "string" ? data : (blobs.push(data), data.byteLength));
  const text = JSON.stringify({
    topics: topics.map(({ entries, ...topic }) => ({ ...topic, entries: entries.map(([data, ageMs]) => [dataOf(data), ageMs]) })),
    keys,
  });
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(HEAD_BYTES + json.byteLength + blobs.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = HEAD_BYTES;
  for (const part of [json, ...blobs]) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  const head = new DataView(bytes.buffer);
  for (let letter = 0; letter < MAGIC.length; letter++) head.setUint8(letter, MAGIC.charCodeAt(letter));
  head.setUint8(4, VERSION);
  head.setUint32(5, bytes.byteLength - HEAD_BYTES);
  head.setUint32(13, json.byteLength);
  head.setUint32(9, checksum(bytes));
  return bytes;
}

/** @throws TypeError for anything that `encodeSaved` did not make. */
export function decodeSaved(bytes: Uint8Array): Saved {
  if (!(bytes instanceof Uint8Array) || bytes.byteLength < HEAD_BYTES) throw notSaved("they are too few");
  const head = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (String.fromCharCode(...bytes.subarray(0, MAGIC.length)) !== MAGIC) throw notSaved("they begin with something else");
  if (head.getUint8(4) !== VERSION) throw notSaved(`they have version ${head.getUint8(4)}, and this broker reads version ${VERSION}`);
  if (head.getUint32(5) !== bytes.byteLength - HEAD_BYTES) throw notSaved(`${head.getUint32(5)} bytes should follow, and ${bytes.byteLength - HEAD_BYTES} do`);
  if (head.getUint32(9) !== checksum(bytes)) throw notSaved("their checksum is wrong");
  const end = HEAD_BYTES + head.getUint32(13);
  const blobs = new Blobs(bytes, end);
  let saved: Saved;
  try {
    saved = read(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(HEAD_BYTES, end))), blobs);
  } catch (cause) {
    throw notSaved("their content is malformed", cause);
  }
  if (!blobs.areUsedUp) throw notSaved("some of them belong to no publication");
  return saved;
}

/** Takes binary publications off the bytes, one after the other. */
class Blobs {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get areUsedUp(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  next(length: number): Uint8Array {
    const blob = this.#bytes.slice(this.#at, (this.#at += length));
    if (blob.byteLength !== length) throw wrong("a binary publication");
    return blob;
  }
}

/** Checks every member: a broker that goes on from wrong numbers would lose publications in silence. */
function read(value: unknown, blobs: Blobs): Saved {
  const { topics, keys } = value as { topics: SavedTopic[]; keys: SavedKey[] };
  return { topics: topics.map((topic) => readTopic(topic, blobs)), keys: keys.map(readKey) };
}

function readTopic({ topic, epoch, top, bounds, idleMs, entries }: SavedTopic, blobs: Blobs): SavedTopic {
  const { messages, bytes, ageMs } = bounds;
  if (typeof topic !== "string" || !isOffset(top) || entries.length > top || !epochPattern.test(epoch)) throw wrong("a topic");
  if (![messages, bytes, ageMs, idleMs].every(isAmount)) throw wrong("the bounds of a topic");
  const all = (entries as readonly (readonly [string | number, number])[]).map(([data, age]): SavedEntry => {
    if (!isAmount(age) || (typeof data !== "string" && !isOffset(data))) throw wrong("a publication");
    return [typeof data === "string" ? data : blobs.next(data), age];
  });
  return { topic, epoch, top, bounds: { messages, bytes, ageMs }, idleMs, entries: all };
}

function readKey({ name, position, leftMs, owner = "" }: SavedKey): SavedKey {
  if (typeof name !== "string" || typeof owner !== "string" || !isAmount(leftMs)) throw wrong("a key");
  if (position !== undefined && !(epochPattern.test(position.epoch) && isOffset(position.offset))) throw wrong("the position of a key");
  return { name, position, leftMs, owner };
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && value >= 0;
}

function wrong(what: string): TypeError {
  return new TypeError(`${what} is malformed`);
}

function notSaved(why: string, cause?: unknown): TypeError {
  return new TypeError(`restore: these bytes are not allowed, since ${why}; give what save() returned`, { cause });
}

/** FNV-1a over what follows the head, and the length in it. */
function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  // Asked for once: to ask for each byte takes ten times as long.
  const end = bytes.byteLength;
  for (let at = HEAD_BYTES - 4; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash >>> 0;
}
