import type { SavedReply } from "./remembered.ts";

/** What a realtime begins again with. */
export interface Saved {
  readonly replies: readonly SavedReply[];
  /** Of the broker; `undefined` when that keeps nothing in this process. */
  readonly broker: Uint8Array | undefined;
}

/** One reply: its name, how long it is remembered, JSON as text, bytes in base64, or neither, and whose it is. */
type Row = readonly [name: string, leftMs: number, json?: string | null, base64?: string | null, owner?: string];

/** The first bytes: what it is, and in which version. */
const MAGIC = Buffer.from("upwire-realtime-1\n");
const LENGTH_BYTES = 4;

export function encodeSaved({ replies, broker }: Saved): Uint8Array {
  const rows = replies.map(({ name, owner, leftMs, payload }): Row => {
    if (typeof payload === "string") return [name, leftMs, payload, null, owner];
    return [name, leftMs, null, payload === undefined ? null : Buffer.from(payload).toString("base64"), owner];
  });
  const json = Buffer.from(JSON.stringify({ rows, hasBroker: broker !== undefined }));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(json.byteLength);
  return Buffer.concat([MAGIC, length, json, broker ?? Buffer.alloc(0)]);
}

/** @throws TypeError for bytes that `encodeSaved` did not make. */
export function decodeSaved(bytes: Uint8Array): Saved {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = MAGIC.byteLength + LENGTH_BYTES;
  if (all.byteLength < start || !all.subarray(0, MAGIC.byteLength).equals(MAGIC)) throw foreign();
  const end = start + all.readUInt32BE(MAGIC.byteLength);
  if (end > all.byteLength) throw foreign();
  try {
    const { rows, hasBroker } = JSON.parse(all.toString("utf8", start, end)) as { readonly rows: readonly Row[]; readonly hasBroker: boolean };
    return { replies: rows.map(replyOf), broker: hasBroker ? all.subarray(end) : undefined };
  } catch (cause) {
    throw foreign(cause);
  }
}

function replyOf([name, leftMs, json, base64, owner = ""]: Row): SavedReply {
  if (typeof name !== "string" || typeof owner !== "string" || typeof leftMs !== "number" || !(leftMs > 0)) throw foreign();
  return { name, owner, leftMs, payload: typeof base64 === "string" ? Buffer.from(base64, "base64") : (json ?? undefined) };
}

function foreign(cause?: unknown): TypeError {
  return new TypeError("restore: these bytes were not made by save(); give what that returned, whole", { cause });
}
