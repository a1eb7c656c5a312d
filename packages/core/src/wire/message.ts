import { brand, messageMark } from "../base/cross-copy.ts";
import { defaults } from "../base/defaults.ts";
import { ConnectionError } from "../base/errors.ts";
import { readOptions, type OptionKinds } from "../base/option-check.ts";
import { inOwnBlock } from "./given-bytes.ts";
import { parseJson } from "./parse-json.ts";

/** Longer messages are copied faster by a call of `Buffer.copy` than word by word. */
const MANY_BYTES = 256;

export interface JsonOptions {
  /** How deep arrays and objects may nest. @default 64 */
  readonly maxDepth?: number | undefined;
}

const jsonKinds: OptionKinds<JsonOptions> = {
  maxDepth: { right: "a whole number from 0 on", fits: (value) => Number.isSafeInteger(value) && (value as number) >= 0 },
};

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

  /**
   * The payload, in a block of memory of its own: it may be kept, changed and transferred. It is copied out of what was read from
   * the socket when this is first asked for; `text()`, `json()` and sending the message do without. Of a message whose bytes were
   * transferred nothing is left.
   * @throws TypeError when they were.
   */
  get bytes(): Buffer {
    const bytes = inOwnBlock(this.#payload());
    if (bytes !== this.#block) {
      this.#block = bytes;
      this.#start = 0;
      this.#end = bytes.byteLength;
      this.#view = undefined;
    }
    return bytes;
  }

  /** For core: the payload where it lies, which may be among that of other messages. It must not leave core. */
  static payloadOf(message: Pick<Message, "bytes">): Buffer {
    return #block in message ? message.#payload() : message.bytes;
  }

  /** Length of the payload. */
  get byteLength(): number {
    return this.#end - this.#start;
  }

  /** The payload decoded as UTF-8. @throws TypeError when `bytes` were transferred. */
  text(): string {
    this.#check();
    return this.#block.toString("utf8", this.#start, this.#end);
  }

  /**
   * The payload parsed as JSON. The shape is the client's word only: check it before use.
   * @throws ConnectionError `ERR_JSON` for what is not JSON, nests deeper, or has a key `__proto__`, `constructor` or
   * `prototype`. From a handler that lets it pass, it closes the connection with 1007.
   */
  json(options?: JsonOptions): unknown {
    const { maxDepth = defaults.json.maxDepth } = options === undefined ? {} : readOptions<JsonOptions>("json", options, jsonKinds);
    const payload = this.#payload();
    try {
      return parseJson(payload, maxDepth);
    } catch (cause) {
      throw new ConnectionError("ERR_JSON", { cause });
    }
  }

  /** Copies the payload to `target` at `at`. @param view On `target`, if there is one: short messages are copied faster with it. */
  copyTo(target: Buffer, at: number, view?: DataView): void {
    this.#check();
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

  #payload(): Buffer {
    this.#check();
    return this.byteLength === this.#block.byteLength ? this.#block : this.#block.subarray(this.#start, this.#end);
  }

  /** A block that was transferred has no bytes, and what would be sent in their place is other memory. */
  #check(): void {
    if (this.#block.byteLength < this.#end)
      throw new TypeError("The bytes of this message were transferred, and there are none left; use it before, or transfer a copy");
  }
}
