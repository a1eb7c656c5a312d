import { constants, deflateRawSync, inflateRawSync, type ZlibOptions } from "node:zlib";
import { defaults } from "../base/defaults.ts";
import { checkOptions, kinds, type OptionKinds } from "../base/option-check.ts";
import type { Deflate } from "./prepared-message.ts";
import { WorkBudget } from "./work-budget.ts";

/** permessage-deflate, RFC 7692. */
export interface CompressionOptions {
  /**
   * Messages shorter than this go out as they are: deflating them costs more than it saves. Bytes.
   * @default 1024, or 64 with `sharedHistory`
   */
  readonly thresholdBytes?: number;
  /**
   * Messages longer than this go out as they are: deflating happens between two turns of the event loop, about 25 ms per
   * mebibyte, so that frames stay in order. Bytes. @default 262144
   */
  readonly maxDeflateBytes?: number;
  /** 1 (fast) to 9 (small). @default 6 */
  readonly level?: number;
  /**
   * Broadcasts refer to earlier ones of the same audience (everybody, or a room), so that they are about half as long, and
   * short ones shrink too. Clients keep 32 KiB for it; the server keeps 4 KiB for each audience, nothing for a client. Only
   * broadcasts without `filter` are compressed then. Without effect where `slowConsumer` takes messages back or pauses, and
   * for clients that ask for `server_no_context_takeover`. @default false
   */
  readonly sharedHistory?: boolean;
}

const { anything, flag } = kinds;
const compressionKinds: OptionKinds<CompressionOptions> = { thresholdBytes: anything, maxDeflateBytes: anything, level: anything, sharedHistory: flag };

/**
 * What both sides agreed on (RFC 7692 §7.1). Clients never refer to earlier messages, so an idle connection holds no zlib
 * state; we do with a shared history only.
 */
export interface DeflateParameters {
  readonly serverMaxWindowBits: number;
  /** Whether the client keeps its window, so that messages may refer to earlier ones. */
  readonly sharesHistory: boolean;
  /** The value of the `Sec-WebSocket-Extensions` header of the answer. */
  readonly header: string;
}

/** RFC 7692 §7.1.2: 8 to 15, decimal, no leading zero. zlib cannot deflate with 8, so such an offer is declined. */
function windowBits(value: string | undefined, least: number): number | undefined {
  if (value === undefined || !/^(?:[89]|1[0-5])$/.test(value)) return undefined;
  const bits = Number(value);
  return bits < least ? undefined : bits;
}

/**
 * @param passesBy Whether broadcasts get past the slow-consumer policy: one that may still be dropped cannot be referred to.
 * @throws RangeError for values that zlib or a limit cannot have.
 */
export function resolveCompression(given: boolean | CompressionOptions, passesBy: boolean): Required<CompressionOptions> | undefined {
  if (given === false) return undefined;
  const wanted = given === true ? {} : given;
  checkOptions("compression", wanted, compressionKinds);
  const sharedHistory = passesBy && wanted.sharedHistory === true;
  const { sharedThresholdBytes, ...preset } = defaults.compression;
  const thresholdBytes = sharedHistory ? sharedThresholdBytes : preset.thresholdBytes;
  const options = { ...preset, thresholdBytes, ...wanted, sharedHistory };
  const { maxDeflateBytes, level } = options;
  const sizes = [options.thresholdBytes, maxDeflateBytes];
  if (!sizes.every((bytes) => Number.isSafeInteger(bytes) && bytes >= 0)) throw new RangeError("compression: sizes are whole bytes");
  if (!Number.isInteger(level) || level < 1 || level > 9) throw new RangeError("compression: level is 1 to 9");
  return options;
}

/** Commas in quotes do not part (RFC 6455 §9.1): what stands there was not offered. */
function offersIn(header: string | undefined): readonly string[] {
  return header?.match(/(?:[^",]|"(?:[^"\\]|\\.?)*"?)+/g) ?? [];
}

function parseOffer(offer: string): Map<string, string | undefined> | undefined {
  const [name, ...members] = offer.split(";").map((part) => part.trim());
  if (name !== "permessage-deflate") return undefined;
  const parameters = new Map<string, string | undefined>();
  for (const member of members) {
    const equals = member.indexOf("=");
    const key = equals < 0 ? member : member.slice(0, equals).trim();
    const value = equals < 0 ? undefined : member.slice(equals + 1).trim();
    if (parameters.has(key)) return undefined;
    parameters.set(key, value?.replace(/^"([^"]*)"$/, "$1"));
  }
  return parameters;
}

function agree(parameters: Map<string, string | undefined>, mayShareHistory: boolean): DeflateParameters | undefined {
  let serverMaxWindowBits = 15;
  let bitsAnswer = "";
  for (const [key, value] of parameters) {
    if (key === "server_no_context_takeover" || key === "client_no_context_takeover") {
      if (value !== undefined) return undefined;
    } else if (key === "server_max_window_bits") {
      const bits = windowBits(value, 9);
      if (bits === undefined) return undefined;
      serverMaxWindowBits = bits;
      bitsAnswer = `; ${key}=${bits}`;
    } else if (key === "client_max_window_bits") {
      // Without a value the client only says that it could; we ask for nothing and keep the full window.
      if (value !== undefined && windowBits(value, 8) === undefined) return undefined;
    } else {
      return undefined;
    }
  }
  const sharesHistory = mayShareHistory && !parameters.has("server_no_context_takeover");
  // RFC 7692 §7.1.1.2: the server may ask for the second one although the client has not offered it.
  const takeover = `${sharesHistory ? "" : "; server_no_context_takeover"}; client_no_context_takeover`;
  return { serverMaxWindowBits, sharesHistory, header: `permessage-deflate${takeover}${bitsAnswer}` };
}

/** The text of the first offer that could be met: all that a plugin on `ws` should see, which fails a handshake for others. */
export function firstGoodOffer(header: string | undefined): string | undefined {
  return offersIn(header).find((offer) => negotiateDeflate(offer) !== undefined)?.trim();
}

/**
 * The first offer of permessage-deflate that can be met. Unknown extensions, unknown or broken parameters decline that
 * offer only and never the handshake (RFC 6455 §9.1, RFC 7692 §5.1).
 */
export function negotiateDeflate(header: string | undefined, mayShareHistory = false): DeflateParameters | undefined {
  for (const offer of offersIn(header)) {
    const parameters = parseOffer(offer.trim());
    const agreed = parameters && agree(parameters, mayShareHistory);
    if (agreed !== undefined) return agreed;
  }
  return undefined;
}

/** RFC 7692 §7.2.1: a sync flush ends in these bytes, which do not go on the wire. */
export const DEFLATE_TAIL: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** How long a message of at most `maxBytes` can be when it is deflated: what cannot shrink grows by 5 bytes for each stored block (RFC 1951 §3.2.4). */
export function maxDeflatedBytes(maxBytes: number): number {
  return maxBytes + Math.floor(maxBytes / 1024) + 64;
}

/** From here on a message is inflated in larger pieces: a mebibyte of zeros, which is as long, takes a quarter of the time. */
const LONG_BYTES = 1024;
const LONG_CHUNK_BYTES = 64 * 1024;

/**
 * Inflates a message, or the beginning of one as far as it goes: behind that, a tail would be read as data.
 * @returns the bytes, or why there are none; it stops at `maxBytes`.
 */
export function inflate(payload: Buffer, isWhole: boolean, maxBytes: number): Buffer | "ERR_MESSAGE_TOO_BIG" | "ERR_DEFLATE" {
  try {
    const deflated = isWhole ? Buffer.concat([payload, DEFLATE_TAIL]) : payload;
    const chunkSize = payload.byteLength < LONG_BYTES ? constants.Z_DEFAULT_CHUNK : LONG_CHUNK_BYTES;
    return inflateRawSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxBytes, chunkSize });
  } catch (error) {
    return (error as { readonly code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? "ERR_MESSAGE_TOO_BIG" : "ERR_DEFLATE";
  }
}

/** zlib does not look further back than its window less these bytes (MIN_LOOKAHEAD in its deflate.h). */
const UNUSED_WINDOW = 262;

/** RFC 1951 §3.2.4: so much longer is what was only stored. There is nothing in it to refer to. */
const STORED_BYTES = 5;

function createDeflate(parameters: DeflateParameters, options: Required<CompressionOptions>, budget: WorkBudget): Deflate {
  const { serverMaxWindowBits, sharesHistory } = parameters;
  const { thresholdBytes, maxDeflateBytes, level } = options;
  // No window and no tables beyond what this message can use: to prepare the full ones takes longer than to deflate a short one.
  const zlibOptions = (byteLength: number): ZlibOptions => {
    const bits = Math.min(serverMaxWindowBits, Math.max(9, Math.ceil(Math.log2(byteLength + UNUSED_WINDOW))));
    return { level, windowBits: bits, memLevel: Math.min(8, bits - 5), chunkSize: byteLength + 64, finishFlush: constants.Z_SYNC_FLUSH };
  };
  return {
    key: `${serverMaxWindowBits}${sharesHistory ? " shared" : ""}/${level}/${thresholdBytes}/${maxDeflateBytes}`,
    sharesHistory,
    thresholdBytes,
    compress(payload, history) {
      const { byteLength } = payload;
      if (byteLength < thresholdBytes || byteLength > maxDeflateBytes) return undefined;
      const hasHistory = history !== undefined && history.byteLength > 0;
      const zlib = zlibOptions(byteLength + (history?.byteLength ?? 0));
      budget.deflated(byteLength);
      const deflated = deflateRawSync(payload, hasHistory ? { ...zlib, dictionary: history } : zlib);
      const bytes = deflated.subarray(0, deflated.byteLength - DEFLATE_TAIL.byteLength);
      // Short messages shrink only once there is a history, so the one that begins it may grow a little.
      const tooLong = sharesHistory && !hasHistory ? byteLength + STORED_BYTES : byteLength;
      return bytes.byteLength < tooLong ? bytes : undefined;
    },
  };
}

/** The compression of one Upgrader. */
export class Compression {
  /** What all of its connections may inflate and deflate in one turn of the event loop. */
  readonly budget: WorkBudget = new WorkBudget();
  readonly #options: Required<CompressionOptions>;
  /** By the header of the answer, of which there are few. */
  readonly #made = new Map<string, Deflate>();

  constructor(options: Required<CompressionOptions>) {
    this.#options = options;
  }

  /** What is agreed on with a client, if anything. @param offers Its `Sec-WebSocket-Extensions` header. */
  negotiate(offers: string | undefined): DeflateParameters | undefined {
    return negotiateDeflate(offers, this.#options.sharedHistory);
  }

  /** The same for all that agreed on the same: a connection holds none of its own. */
  deflateFor(parameters: DeflateParameters): Deflate {
    const known = this.#made.get(parameters.header);
    if (known !== undefined) return known;
    const made = createDeflate(parameters, this.#options, this.budget);
    this.#made.set(parameters.header, made);
    return made;
  }
}
