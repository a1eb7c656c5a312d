import { brand, hasBrand } from "./brand.ts";
import { ConnectionError } from "./errors.ts";
import { parseJson } from "./json.ts";

/** One complete message from a client. */
export class Message {
  /** Also true for one of another copy of core in this process. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, "upwire.message");
  }

  static {
    brand(this, "upwire.message");
  }

  /** The payload. It may be a view on the larger block that was read from the socket: copy it to keep it for long. */
  readonly bytes: Buffer;
  /** False for a text message, whose bytes are then valid UTF-8 (RFC 6455 §8.1). */
  readonly isBinary: boolean;

  constructor(bytes: Buffer, isBinary: boolean) {
    this.bytes = bytes;
    this.isBinary = isBinary;
  }

  /** The payload decoded as UTF-8. */
  text(): string {
    return this.bytes.toString("utf8");
  }

  /**
   * The payload parsed as JSON. The shape is the client's word only: check it before use.
   * @param options.maxDepth How deep arrays and objects may nest. 64 unless given.
   * @throws ConnectionError `ERR_JSON` for what is not JSON, nests deeper, or has a key `__proto__`, `constructor` or
   * `prototype`. From a handler that lets it pass, it closes the connection with 1007.
   */
  json(options: { readonly maxDepth?: number } = {}): unknown {
    try {
      return parseJson(this.bytes, options.maxDepth ?? 64);
    } catch (cause) {
      throw new ConnectionError("ERR_JSON", { cause });
    }
  }
}
