import type { ServerMessage } from "./client.ts";

/** How many characters of a message stand in an error. */
const SHOWN = 80;

/** A message of the server, as it came. */
export class ReceivedMessage implements ServerMessage {
  readonly isBinary: boolean;
  readonly bytes: Buffer;

  constructor({ bytes, isBinary }: Pick<ServerMessage, "isBinary"> & { readonly bytes: Buffer }) {
    this.bytes = bytes;
    this.isBinary = isBinary;
  }

  text(): string {
    return this.bytes.toString("utf8");
  }

  json(): unknown {
    try {
      return JSON.parse(this.text()) as unknown;
    } catch (cause) {
      throw new SyntaxError(`connectTo: this message is no JSON: ${this.toString()}`, { cause });
    }
  }

  /** For errors: the text, or how many bytes. */
  toString(): string {
    if (this.isBinary) return `${this.bytes.byteLength} bytes`;
    const text = this.text();
    return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  }
}
