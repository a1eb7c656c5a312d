import { HttpAnswer } from "../http-answer.ts";

/** A response that has come whole. */
export interface WholeResponse {
  readonly head: HttpAnswer;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_END = Buffer.from("\r\n");

/** Splits what a server sends into responses, until a 101: from there on the bytes are left alone. Reads each byte once. */
export class HttpReader {
  readonly responses: WholeResponse[] = [];
  /** What no response is made of yet; after a 101, all that came behind it. */
  rest: Buffer = Buffer.alloc(0);
  #head: HttpAnswer | undefined;
  #body: Buffer[] = [];
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  #framing: "head" | "length" | "chunk size" | "chunk" | "until the end" | "switched" = "head";

  /** How far the response has come that is not whole yet, head included. 0 between two responses. */
  get bodyBytes(): number {
    return this.#body.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Whether a response has begun that is not whole. */
  get isAmid(): boolean {
    return this.#framing !== "switched" && (this.#framing !== "head" || this.rest.byteLength > 0);
  }

  get isSwitched(): boolean {
    return this.#framing === "switched";
  }

  /** @throws Error for what is no HTTP. */
  push(bytes: Buffer): void {
    this.rest = this.rest.byteLength === 0 ? bytes : Buffer.concat([this.rest, bytes]);
    while (this.#step());
  }

  /** The connection is over: a response without a length ends here. */
  end(): void {
    if (this.#framing === "until the end") this.#finish();
  }

  /** Does one step, if there are bytes enough. */
  #step(): boolean {
    switch (this.#framing) {
      case "head":
        return this.#readHead();
      case "chunk size":
        return this.#readChunkSize();
      case "switched":
        return false;
      default:
        return this.#readBody();
    }
  }

  #readHead(): boolean {
    const text = this.#upTo(HEAD_END);
    if (text === undefined) return false;
    const head = new HttpAnswer(text);
    this.#head = head;
    if (head.status === 101) {
      this.responses.push({ head, body: Buffer.alloc(0) });
      this.#framing = "switched";
      return false;
    }
    // RFC 9110 §15.2: nothing but a head, before the response itself.
    if (head.status < 200) return true;
    const length = head.header("content-length");
    if (head.header("transfer-encoding") !== undefined) this.#framing = "chunk size";
    else if (length === undefined) this.#framing = "until the end";
    else if (Number(length) === 0) this.#finish();
    else this.#expect("length", Number(length));
    return true;
  }

  #readChunkSize(): boolean {
    const line = this.#upTo(LINE_END);
    if (line === undefined) return false;
    if (line !== "" && !/^[\da-f]+$/i.test(line)) throw new Error(`not the size of a chunk: ${JSON.stringify(line.slice(0, 100))}`);
    // The empty line behind a chunk, or behind the last one.
    if (line === "") {
      if (this.#left < 0) this.#finish();
    } else if (Number.parseInt(line, 16) === 0) this.#left = -1;
    else this.#expect("chunk", Number.parseInt(line, 16));
    return true;
  }

  #readBody(): boolean {
    const part = this.#framing === "until the end" ? this.rest : this.rest.subarray(0, this.#left);
    if (part.byteLength === 0) return false;
    this.rest = this.rest.subarray(part.byteLength);
    this.#body.push(part);
    this.#left -= part.byteLength;
    if (this.#framing === "until the end" || this.#left > 0) return false;
    if (this.#framing === "chunk") this.#framing = "chunk size";
    else this.#finish();
    return true;
  }

  #expect(framing: "length" | "chunk", bytes: number): void {
    this.#framing = framing;
    this.#left = bytes;
  }

  #finish(): void {
    if (this.#head !== undefined) this.responses.push({ head: this.#head, body: Buffer.concat(this.#body) });
    this.#body = [];
    this.#left = 0;
    this.#framing = "head";
  }

  #upTo(end: Buffer): string | undefined {
    const at = this.rest.indexOf(end);
    if (at < 0) return undefined;
    const text = this.rest.toString("latin1", 0, at);
    this.rest = this.rest.subarray(at + end.byteLength);
    return text;
  }
}
