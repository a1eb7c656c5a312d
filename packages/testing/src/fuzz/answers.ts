import { HttpAnswer } from "../http-answer.ts";

type Framing = { readonly left: number } | "chunked" | "until the end" | undefined;

/** Splits what a server sends on one connection into its HTTP answers, up to a 101. */
export class Answers {
  /** Final answers whose head has come. */
  count = 0;
  readonly #methods: readonly string[];
  readonly #onHead: (answer: HttpAnswer) => void;
  #pending: Buffer = Buffer.alloc(0);
  #framing: Framing;

  /**
   * @param methods Of the requests, in order; `GET` for what is more.
   * @param onHead Called for each final answer.
   */
  constructor(methods: readonly string[], onHead: (answer: HttpAnswer) => void) {
    this.#methods = methods;
    this.#onHead = onHead;
  }

  /** True between answers: nothing of one is missing. */
  get isAtBorder(): boolean {
    return this.#pending.byteLength === 0 && (this.#framing === undefined || this.#framing === "until the end");
  }

  /** Returns what comes behind the head of a 101, or `undefined` while none has come. @throws Error for what is no HTTP. */
  push(chunk: Buffer): Buffer | undefined {
    this.#pending = this.#pending.byteLength === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      if (this.#framing !== undefined) {
        if (!this.#skipBody()) return undefined;
        continue;
      }
      const end = this.#pending.indexOf("\r\n\r\n");
      if (end < 0) {
        if (this.#pending.byteLength > 4 && !this.#pending.toString("latin1", 0, 5).startsWith("HTTP/")) throw new Error(`no HTTP answer: ${this.#excerpt()}`);
        return undefined;
      }
      const answer = new HttpAnswer(this.#pending.toString("latin1", 0, end));
      this.#pending = this.#pending.subarray(end + 4);
      if (answer.status === 100 || answer.status === 103) continue;
      // An answer that names its request: Node may have dropped one before it, and then the next is not the one of this place.
      const mark = Number(answer.header("x-fuzz") ?? Number.NaN);
      const method = this.#methods[Number.isInteger(mark) ? mark : this.count];
      this.count++;
      this.#onHead(answer);
      if (answer.status === 101) return this.#pending;
      this.#framing = framingOf(answer, method);
    }
  }

  /** False when more bytes are needed. */
  #skipBody(): boolean {
    const framing = this.#framing;
    if (framing === "until the end") {
      this.#pending = Buffer.alloc(0);
      return false;
    }
    if (framing === "chunked") return this.#skipChunk();
    if (framing === undefined) return true;
    const taken = Math.min(framing.left, this.#pending.byteLength);
    this.#pending = this.#pending.subarray(taken);
    this.#framing = taken === framing.left ? undefined : { left: framing.left - taken };
    return this.#framing === undefined;
  }

  #skipChunk(): boolean {
    const lineEnd = this.#pending.indexOf("\r\n");
    if (lineEnd < 0) return false;
    const size = Number.parseInt(this.#pending.toString("latin1", 0, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error(`a chunk without a length: ${this.#excerpt()}`);
    const next = lineEnd + 2 + size + 2;
    if (this.#pending.byteLength < next) return false;
    this.#pending = this.#pending.subarray(next);
    if (size === 0) this.#framing = undefined;
    return true;
  }

  #excerpt(): string {
    return JSON.stringify(this.#pending.toString("latin1", 0, 60));
  }
}

/** RFC 9112 §6.3 */
function framingOf(answer: HttpAnswer, method: string | undefined): Framing {
  if (method === "HEAD" || answer.status === 204 || answer.status === 304) return undefined;
  if (answer.header("transfer-encoding")?.toLowerCase() === "chunked") return "chunked";
  const length = answer.header("content-length");
  if (length === undefined) return "until the end";
  return Number(length) === 0 ? undefined : { left: Number(length) };
}
