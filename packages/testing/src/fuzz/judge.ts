import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { SUBPROTOCOL } from "@upwire/protocol";
import { Opcode } from "../client-frame.ts";
import { isSendable } from "../conformance/conversation.ts";
import { DeflateSession } from "../conformance/deflate-session.ts";
import { readDeflateAnswer } from "../conformance/extension-offers.ts";
import { HttpAnswer } from "../http-answer.ts";
import { ServerFrames, type Frame } from "../server-frames.ts";
import { Answers } from "./answers.ts";
import { FOREIGN_ORIGIN } from "./handshake-seeds.ts";
import { V1Judge } from "./v1-judge.ts";

/** RFC 6455 §1.3. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What one request said, read leniently: whatever a server may have found in it. */
class SentHead {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static first(bytes: Buffer): SentHead {
    const text = bytes.toString("latin1");
    return new SentHead(text.slice(0, /\r?\n\r?\n/.exec(text)?.index));
  }

  /** Of several requests behind each other, as if they were one. */
  static all(bytes: Buffer): SentHead {
    return new SentHead(bytes.toString("latin1"));
  }

  all(name: string): string[] {
    const lines = new RegExp(`[\\r\\n]${name}[ \\t]*:[ \\t]*([^\\r\\n]*)`, "gi");
    return [...this.#text.matchAll(lines)].map(([, value = ""]) => value.trim());
  }

  members(name: string): string[] {
    return this.all(name).flatMap((value) => value.split(",").map((member) => member.trim()));
  }
}

/** What is known about the requests of a connection that has something before the upgrade. */
export interface Story {
  /** Of each request, in order; the last one asks for the upgrade. */
  readonly methods: readonly string[];
  /** How many of them come before the first handshake that must be good. */
  readonly before: number;
  /** The bytes were mutated: what the server understood may be something else. */
  readonly isTampered: boolean;
  /** Node itself may have dropped one of the requests. */
  readonly mayLose: boolean;
}

/** Reads all that a server sends on one connection, and takes down what no server may send. */
export class Judge {
  readonly faults: string[] = [];
  /** Of the final answer to the handshake. */
  status: number | undefined;
  /** Payload of the newest pong. */
  pong: Buffer | undefined;
  /** Of the server's close frame; 1005 without one in it. */
  closeCode: number | undefined;
  /** False once the client has said that it does not wait for what is missing. */
  waitsForAll = true;
  readonly #sent: Buffer;
  readonly #story: Story | undefined;
  readonly #answers: Answers | undefined;
  #isLost = false;
  /** An answer said that it is the last one on this connection. */
  #isLast = false;
  #newestMark = -1;
  readonly #v1: V1Judge | undefined;
  readonly #anyOrigin: boolean;
  readonly #frames = new ServerFrames();
  #received: Buffer = Buffer.alloc(0);
  #session: DeflateSession | undefined;
  #message: Frame[] = [];

  /**
   * @param sent The request, whatever it is.
   * @param options `anyOrigin`: the server may let foreign pages in. `story`: where several requests are sent. `isV1`: the server must
   * speak `upwire.v1`.
   */
  constructor(sent: Buffer, { anyOrigin, story, isV1 = false }: { readonly anyOrigin: boolean; readonly story?: Story; readonly isV1?: boolean }) {
    if (isV1) this.#v1 = new V1Judge();
    this.#sent = sent;
    this.#anyOrigin = anyOrigin;
    this.#story = story;
    if (story !== undefined) this.#answers = new Answers(story.isTampered ? [] : story.methods, (answer) => this.#readOneOf(answer));
  }

  /** Final answers so far, where several requests are sent. */
  get answers(): number {
    return this.#answers?.count ?? 0;
  }

  /** Nothing is missing of the newest of these answers. */
  get isAtBorder(): boolean {
    return this.#answers?.isAtBorder ?? true;
  }

  push(chunk: Buffer): void {
    if (this.status === 101) return this.#readFrames(chunk);
    if (this.#answers !== undefined) return this.#readAnswers(this.#answers, chunk);
    // Behind an answer that is no 101 comes its body, and what more requests in the same bytes lead to.
    if (this.status !== undefined) return;
    this.#received = Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#received.toString("latin1", 0, end);
    const rest = this.#received.subarray(end + 4);
    this.#received = Buffer.alloc(0);
    this.#readHead(head);
    if (this.status === 101 || this.status === undefined) this.push(rest);
  }

  /** The server ended its side. */
  end(): void {
    if (this.waitsForAll && this.#story?.isTampered === false && !this.#isLost && this.status !== 101 && !this.isAtBorder)
      this.faults.push("an answer that was cut off");
    if (this.#received.byteLength > 0) this.faults.push(`half an answer: ${JSON.stringify(this.#received.toString("latin1", 0, 80))}`);
  }

  #readAnswers(answers: Answers, chunk: Buffer): void {
    if (this.#isLost) return;
    try {
      const rest = answers.push(chunk);
      if (this.#isLost) return;
      if (rest !== undefined && rest.byteLength > 0) this.#readFrames(rest);
    } catch (error) {
      // Where it is not known which requests the server has understood, a HEAD may have been one.
      this.#isLost = true;
      if (this.#story?.isTampered === false && !this.#isLast) this.faults.push((error as Error).message);
    }
  }

  #readOneOf(answer: HttpAnswer): void {
    if (this.#isLast) {
      this.#isLost = true;
      if (answer.status === 101) this.faults.push("a 101 behind an answer that said Connection: close");
      return;
    }
    this.status = answer.status;
    if (this.#story?.isTampered === false) this.#judgeOrder(answer, this.#story);
    if (answer.status === 101) this.#readUpgrade(answer);
    // RFC 9112 §9.6: what comes behind it answers no request.
    else if (/\bclose\b/i.test(answer.header("connection") ?? "")) this.#isLast = true;
  }

  /** RFC 9112 §9.3.2: answers come in the order of requests. */
  #judgeOrder(answer: HttpAnswer, { before, mayLose }: Story): void {
    const at = this.answers - 1;
    const mark = answer.header("x-fuzz");
    const isWrong = mayLose ? Number(mark) <= this.#newestMark : mark !== `${at}`;
    if (mark !== undefined && isWrong)
      this.faults.push(`the answer to another request (number ${mark} in place of ${mayLose ? `one behind ${this.#newestMark}` : at})`);
    if (mark !== undefined) this.#newestMark = Number(mark);
    if (answer.status === 101 && at < before && !mayLose) this.faults.push("a 101 before the answers to earlier requests");
  }

  #readHead(head: string): void {
    try {
      const answer = new HttpAnswer(head);
      // `100 Continue` goes before the answer (RFC 9110 §15.2).
      if (answer.status === 100 || answer.status === 103) return;
      this.status = answer.status;
      if (answer.status === 101) this.#readUpgrade(answer);
    } catch (error) {
      this.status = 0;
      this.faults.push((error as Error).message);
    }
  }

  #readUpgrade(answer: HttpAnswer): void {
    const sent = this.#story === undefined ? SentHead.first(this.#sent) : SentHead.all(this.#sent);
    const accepts = sent.all("sec-websocket-key").map((key) => createHash("sha1").update(`${key}${ACCEPT_GUID}`).digest("base64"));
    if (!accepts.includes(answer.header("sec-websocket-accept") ?? "")) this.faults.push("a 101 whose Sec-WebSocket-Accept fits no key");
    if (answer.header("upgrade")?.toLowerCase() !== "websocket") this.faults.push("a 101 without Upgrade: websocket");
    if (answer.header("connection")?.toLowerCase() !== "upgrade") this.faults.push("a 101 without Connection: Upgrade");
    const protocol = answer.header("sec-websocket-protocol");
    if (this.#v1 !== undefined && protocol !== SUBPROTOCOL) this.faults.push(`a 101 without ${SUBPROTOCOL}, which was offered`);
    if (protocol !== undefined && !sent.members("sec-websocket-protocol").includes(protocol)) this.faults.push(`the subprotocol ${protocol} was not offered`);
    const origins = sent.all("origin");
    // Of several handshakes it is not known here which one was let in.
    const isOne = this.#story === undefined || this.#story.before === this.#story.methods.length - 1;
    const isForeign = isOne && origins.length > 0 && origins.every((origin) => origin === FOREIGN_ORIGIN);
    if (isForeign && !this.#anyOrigin) this.faults.push("a 101 for a page of a foreign origin");
    const agreed = readDeflateAnswer(answer.header("sec-websocket-extensions"), sent.all("sec-websocket-extensions"));
    if (typeof agreed === "string") this.faults.push(agreed);
    else if (agreed !== undefined) this.#session = new DeflateSession(agreed);
    this.#frames.allowsRsv1 = this.#session !== undefined;
  }

  #readFrames(bytes: Buffer): void {
    const frames = this.#frames.push(bytes);
    const violations = this.#frames.violations.splice(0);
    if (violations.length > 0 && bytes.includes("HTTP/1.")) this.faults.push("an HTTP answer inside a WebSocket stream");
    else this.faults.push(...violations);
    for (const frame of frames) {
      if (frame.opcode === Opcode.pong) this.pong = frame.payload;
      else if (frame.opcode === Opcode.close) this.#readClose(frame.payload);
      else if (frame.opcode < Opcode.close) this.#readData(frame);
    }
  }

  #readClose(payload: Buffer): void {
    this.closeCode = payload.byteLength < 2 ? 1005 : payload.readUInt16BE(0);
    if (payload.byteLength === 1) this.faults.push("a close frame with a body of one byte");
    if (payload.byteLength > 1 && !isSendable(this.closeCode)) this.faults.push(`the close code ${this.closeCode}`);
    if (!isUtf8(payload.subarray(2))) this.faults.push("a close reason that is not UTF-8");
  }

  #readData(frame: Frame): void {
    this.#message.push(frame);
    if (!frame.fin) return;
    const [first] = this.#message;
    let payload: Buffer = Buffer.concat(this.#message.map((part) => part.payload));
    this.#message = [];
    try {
      if (first?.rsv1 === true && this.#session !== undefined) payload = this.#session.inflate(payload);
      const isText = first?.opcode === Opcode.text;
      if (isText && !isUtf8(payload)) this.faults.push("text that is not UTF-8");
      const fault = this.#v1?.faultOf(isText ? payload.toString() : payload);
      if (fault !== undefined) this.faults.push(fault);
    } catch (error) {
      this.faults.push(`a compressed message that cannot be inflated: ${(error as Error).message}`);
    }
  }
}
