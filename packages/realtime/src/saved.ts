import { fromWireError, toWireError, type WireError } from "@upwire/protocol";
import type { SavedResult } from "./remembered.ts";

/** What a realtime begins again with. */
export interface Saved {
  readonly results: readonly SavedResult[];
  /** Of the broker; `undefined` when that keeps nothing in this process. */
  readonly broker: Uint8Array | undefined;
}

/** One result: its name, how long it is remembered, and text, bytes in base64, an error, or nothing. */
type Row = readonly [name: string, leftMs: number, text?: string | null, base64?: string | null, error?: WireError];

/** The first bytes: what it is, and in which version. */
const MAGIC = Buffer.from("upwire-realtime-1\n");
const LENGTH_BYTES = 4;

export function encodeSaved({ results, broker }: Saved): Uint8Array {
  const rows = results.map(({ name, leftMs, result: { payload, error } }): Row => {
    if (error !== undefined) return [name, leftMs, null, null, toWireError(error)];
    if (typeof payload === "string") return [name, leftMs, payload];
    return payload === undefined ? [name, leftMs] : [name, leftMs, null, Buffer.from(payload).toString("base64")];
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
    return { results: rows.map(resultOf), broker: hasBroker ? all.subarray(end) : undefined };
  } catch (cause) {
    throw new TypeError(foreign().message, { cause });
  }
}

function resultOf([name, leftMs, text, base64, error]: Row): SavedResult {
  if (typeof name !== "string" || typeof leftMs !== "number" || !(leftMs > 0)) throw foreign();
  if (error !== undefined) return { name, leftMs, result: { error: fromWireError(error) } };
  return { name, leftMs, result: { payload: typeof base64 === "string" ? Buffer.from(base64, "base64") : (text ?? undefined) } };
}

function foreign(): TypeError {
  return new TypeError("restore: these bytes were not made by save(); give what that returned, whole");
}
