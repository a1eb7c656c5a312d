import { brand, messageMark } from "../base/cross-copy.ts";
import { defaults } from "../base/defaults.ts";
import { ConnectionError } from "../base/errors.ts";
import { parseJson } from "./parse-json.ts";

/** Longer messages are copied faster by a call of `Buffer.copy` than word by word. */
const MANY_BYTES = 256;

/** One complete message from a client. */
export class Message {
  /** Also true for one of another copy of core in this process. */
  static [Symbol.hasInstance](value: unknown): boolean {
    // Not by `hasBrand`: this is asked for every message, and with a mark of its own it costs next to nothing.
    return typeof value === "object" && value !== null && messageMark in value;
  }

  static {
    brand(this, messageMark);
  }

  /** False for a text message, whose bytes are then valid UTF-8 (RFC 6455 §8.1). */
  readonly isBinary: boolean;
  /** Holds the payload. A view on it is made only for `bytes`: many handlers want the text only, or send the message on. */
  #block: Buffer;
  #start: number;
  #end: number;
  #view: DataView | undefined;

  /** The payload is `block` from `start` to `end`. @param view Of the block, if there is one: it makes copies faster. */
  constructor(block: Buffer, isBinary: boolean, start = 0, end: number = block.byteLength, view?: DataView) {
    this.isBinary = isBinary;
    this.#block = block;
    this.#start = start;
    this.#end = end;
    this.#view = view;
  }

  /** The payload. It may be a view on the larger block that was read from the socket: copy it to keep it for long. */
  get bytes(): Buffer {
    const { byteLength } = this;
    if (byteLength < this.#block.byteLength) {
      this.#block = this.#block.subarray(this.#start, this.#end);
      this.#start = 0;
      this.#end = byteLength;
      this.#view = undefined;
    }
    return this.#block;
  }

  /** Length of the payload. */
  get byteLength(): number {
    return this.#end - this.#start;
  }

  /** The payload decoded as UTF-8. */
  text(): string {
    return this.#block.toString("utf8", this.#start, this.#end);
  }

  /**
   * The payload parsed as JSON. The shape is the client's word only: check it before use.
   * @param options.maxDepth How deep arrays and objects may nest. 64 unless given.
   * @throws ConnectionError `ERR_JSON` for what is not JSON, nests deeper, or has a key `__proto__`, `constructor` or
   * `prototype`. From a handler that lets it pass, it closes the connection with 1007.
   */
  json(options: { readonly maxDepth?: number } = {}): unknown {
    try {
      return parseJson(this.bytes, options.maxDepth ?? defaults.json.maxDepth);
    } catch (cause) {
      throw new ConnectionError("ERR_JSON", { cause });
    }
  }

  /** Copies the payload to `target` at `at`. @param view On `target`, if there is one: short messages are copied faster with it. */
  copyTo(target: Buffer, at: number, view?: DataView): void {
    const from = this.#view;
    const end = this.#end;
    if (from === undefined || view === undefined || end - this.#start > MANY_BYTES) {
      this.#block.copy(target, at, this.#start, end);
      return;
    }
    let start = this.#start;
    for (const whole = end - 3; start < whole; start += 4, at += 4) view.setInt32(at, from.getInt32(start, true), true);
    for (; start < end; start++, at++) view.setUint8(at, from.getUint8(start));
  }
}
