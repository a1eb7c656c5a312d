import type { BrokerData } from "../broker/broker.ts";
import { ByteReader, Malformed } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import type { CastOptions } from "./types.ts";

interface Packed {
  readonly data: BrokerData;
  readonly options: CastOptions;
}

const IS_TEXT = 1;
const MUST_ARRIVE = 2;
const HAS_KEY = 4;

/** Puts the options before the data: a number with flags, the key if there is one, and the data. */
export function packOptions(data: BrokerData, { key, mustArrive = false }: CastOptions): Uint8Array {
  const packed = new ByteWriter();
  packed.number((typeof data === "string" ? IS_TEXT : 0) | (mustArrive ? MUST_ARRIVE : 0) | (key === undefined ? 0 : HAS_KEY));
  if (key !== undefined) packed.text(key);
  if (typeof data === "string") packed.text(data);
  else packed.bytes(data);
  return packed.take();
}

/** @returns `undefined` for what `packOptions` did not make. */
export function unpackOptions(packed: Uint8Array): Packed | undefined {
  try {
    return unpack(new ByteReader(packed));
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

function unpack(reader: ByteReader): Packed {
  const flags = reader.number();
  const key = (flags & HAS_KEY) === 0 ? undefined : reader.text();
  const data = (flags & IS_TEXT) === 0 ? reader.rest() : reader.text();
  return { data, options: { key, mustArrive: (flags & MUST_ARRIVE) !== 0 } };
}
