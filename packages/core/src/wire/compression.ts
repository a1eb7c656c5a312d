import { constants, deflateRawSync, inflateRawSync, type ZlibOptions } from "node:zlib";
import { defaults } from "../base/defaults.ts";
import { kinds, readOptions, type OptionKinds } from "../base/option-check.ts";
import type { Fault } from "../base/errors.ts";
import { faults } from "./faults.ts";
import type { Deflate } from "./prepared-message.ts";
import { WorkBudget } from "./work-budget.ts";

// permessage-deflate (RFC 7692) for servers with many clients. Clients are asked never to refer to earlier messages, and we do not
// either (see `send/shared-history.ts` for the exception): so an idle connection holds no zlib state, where `ws` and others hold a
// deflate stream of 256 KiB, and a broadcast is deflated once for all clients that agreed on the same parameters, which share one
// `Deflate`. Compressed JSON to 500 clients, 16 messages in flight, takes 103 times as much CPU in a loop of `ws.send`, and 42 times
// as much in gorilla's chat. Inflating and deflating run in the event loop, in order, with a budget for each turn: `work-budget.ts`.

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

/** What both sides agreed on (RFC 7692 §7.1). Clients never refer to earlier messages; we do with a shared history only. */
export interface DeflateParameters {
  readonly serverMaxWindowBits: number;
  /** Whether the client keeps its window, so that messages may refer to earlier ones. */
  readonly sharesHistory: boolean;
  /** The value of the `Sec-WebSocket-Extensions` header of the answer. */
  readonly header: string;
}

/** Reads a parameter of window bits (RFC 7692 §7.1.2): 8 to 15, decimal, no leading zero. zlib cannot deflate with 8: hence `least`. */
function windowBits(value: string | undefined, least: number): number | undefined {
  if (value === undefined || !/^(?:[89]|1[0-5])$/.test(value)) return undefined;
  const bits = Number(value);
  return bits < least ? undefined : bits;
}

/**
 * @param policy.passesBy Whether broadcasts get past the slow-consumer policy: one that may still be dropped cannot be referred to.
 * @throws RangeError for values that zlib or a limit cannot have.
 */
export function resolveCompression(
  given: boolean | CompressionOptions,
  { passesBy }: { readonly passesBy: boolean },
): Required<CompressionOptions> | undefined {
  if (given === false) return undefined;
  const wanted = readOptions<CompressionOptions>("compression", given === true ? undefined : given, compressionKinds);
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

/** The offers in a header. A comma in quotes does not separate two (RFC 6455 §9.1). */
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

type HistoryOption = Pick<Required<CompressionOptions>, "sharedHistory">;

function agree(parameters: Map<string, string | undefined>, { sharedHistory }: HistoryOption): DeflateParameters | undefined {
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
  const sharesHistory = sharedHistory && !parameters.has("server_no_context_takeover");
  // RFC 7692 §7.1.1.2: the server may ask for the second one although the client has not offered it.
  const takeover = `${sharesHistory ? "" : "; server_no_context_takeover"}; client_no_context_takeover`;
  return { serverMaxWindowBits, sharesHistory, header: `permessage-deflate${takeover}${bitsAnswer}` };
}

/** The text of the first offer that can be met: all that a plugin on `ws` may see, since `ws` fails the handshake for other offers. */
export function firstGoodOffer(header: string | undefined): string | undefined {
  return offersIn(header)
    .find((offer) => negotiateDeflate(offer) !== undefined)
    ?.trim();
}

/**
 * The first offer of permessage-deflate that can be met. Unknown extensions, unknown or broken parameters decline that
 * offer only and never the handshake (RFC 6455 §9.1, RFC 7692 §5.1).
 */
export function negotiateDeflate(header: string | undefined, options: HistoryOption = { sharedHistory: false }): DeflateParameters | undefined {
  for (const offer of offersIn(header)) {
    const parameters = parseOffer(offer.trim());
    const agreed = parameters && agree(parameters, options);
    if (agreed !== undefined) return agreed;
  }
  return undefined;
}

/** RFC 7692 §7.2.1: a deflated message ends in these bytes of a sync flush, which are left out on the wire. */
export const DEFLATE_TAIL: Buffer = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** Greatest length of a message of `maxBytes` when it is deflated: what does not shrink grows by 5 bytes for each stored block (RFC 1951 §3.2.4). */
export function maxDeflatedBytes(maxBytes: number): number {
  return maxBytes + Math.floor(maxBytes / 1024) + 64;
}

/** From this length on a message is inflated in larger pieces: 1 KiB may be a mebibyte of zeros, which takes a quarter of the time then. */
const LONG_BYTES = 1024;
const LONG_CHUNK_BYTES = 64 * 1024;

/** Inflates a message. @returns the bytes, or why there are none; it stops at `maxBytes`. */
export function inflateWhole(payload: Buffer, maxBytes: number): Buffer | Fault {
  return inflate(Buffer.concat([payload, DEFLATE_TAIL]), maxBytes);
}

/** Inflates the beginning of a message as far as it goes: a tail after it would be read as data. */
export function inflateBegun(payload: Buffer, maxBytes: number): Buffer | Fault {
  return inflate(payload, maxBytes);
}

function inflate(deflated: Buffer, maxBytes: number): Buffer | Fault {
  try {
    const chunkSize = deflated.byteLength < LONG_BYTES ? constants.Z_DEFAULT_CHUNK : LONG_CHUNK_BYTES;
    return inflateRawSync(deflated, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxBytes, chunkSize });
  } catch (error) {
    return (error as { readonly code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? faults.tooBigInflated(maxBytes) : faults.deflate;
  }
}

/** zlib looks back by its window less these bytes (MIN_LOOKAHEAD in its deflate.h). */
const UNUSED_WINDOW = 262;

/** RFC 1951 §3.2.4: a block that is stored and not compressed is so much longer than its bytes. */
const STORED_BYTES = 5;

function createDeflate(parameters: DeflateParameters, options: Required<CompressionOptions>, budget: WorkBudget): Deflate {
  const { serverMaxWindowBits, sharesHistory } = parameters;
  const { thresholdBytes, maxDeflateBytes, level } = options;
  // A window and tables only as large as this message can use: to prepare full ones takes longer than to deflate a short message.
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
      // Short messages shrink only with a history, so the message that begins one may grow a little.
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
  /** By the header of the answer, of which there are few different ones. */
  readonly #made = new Map<string, Deflate>();

  constructor(options: Required<CompressionOptions>) {
    this.#options = options;
  }

  /** What is agreed on with a client, if anything. @param offers Its `Sec-WebSocket-Extensions` header. */
  negotiate(offers: string | undefined): DeflateParameters | undefined {
    return negotiateDeflate(offers, this.#options);
  }

  /** One object for all connections that agreed on the same parameters. */
  deflateFor(parameters: DeflateParameters): Deflate {
    const known = this.#made.get(parameters.header);
    if (known !== undefined) return known;
    const made = createDeflate(parameters, this.#options, this.budget);
    this.#made.set(parameters.header, made);
    return made;
  }
}
