import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { Opcode } from "../client-frame.ts";
import { isSendable } from "../conformance/conversation.ts";
import { DeflateSession } from "../conformance/deflate-session.ts";
import { readDeflateAnswer } from "../conformance/extension-offers.ts";
import { HttpAnswer } from "../http-answer.ts";
import { ServerFrames, type Frame } from "../server-frames.ts";
import { FOREIGN_ORIGIN } from "./handshake-seeds.ts";

/** RFC 6455 §1.3. */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** What one request said, read leniently: whatever a server may have found in it. */
class SentHead {
  readonly #text: string;

  constructor(bytes: Buffer) {
    const text = bytes.toString("latin1");
    const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length;
    this.#text = text.slice(0, end);
  }

  all(name: string): string[] {
    const lines = new RegExp(`[\\r\\n]${name}[ \\t]*:[ \\t]*([^\\r\\n]*)`, "gi");
    return [...this.#text.matchAll(lines)].map(([, value = ""]) => value.trim());
  }

  members(name: string): string[] {
    return this.all(name).flatMap((value) => value.split(",").map((member) => member.trim()));
  }
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
  readonly #sent: Buffer;
  readonly #anyOrigin: boolean;
  readonly #frames = new ServerFrames();
  #received: Buffer = Buffer.alloc(0);
  #session: DeflateSession | undefined;
  #message: Frame[] = [];

  /**
   * @param sent The request, whatever it is.
   * @param anyOrigin Whether the server may let foreign pages in.
   */
  constructor(sent: Buffer, anyOrigin: boolean) {
    this.#sent = sent;
    this.#anyOrigin = anyOrigin;
  }

  push(chunk: Buffer): void {
    if (this.status === 101) return this.#readFrames(chunk);
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
    if (this.#received.byteLength > 0) this.faults.push(`half an answer: ${JSON.stringify(this.#received.toString("latin1", 0, 80))}`);
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
    const sent = new SentHead(this.#sent);
    const accepts = sent.all("sec-websocket-key").map((key) => createHash("sha1").update(`${key}${ACCEPT_GUID}`).digest("base64"));
    if (!accepts.includes(answer.header("sec-websocket-accept") ?? "")) this.faults.push("a 101 whose Sec-WebSocket-Accept fits no key");
    if (answer.header("upgrade")?.toLowerCase() !== "websocket") this.faults.push("a 101 without Upgrade: websocket");
    if (answer.header("connection")?.toLowerCase() !== "upgrade") this.faults.push("a 101 without Connection: Upgrade");
    const protocol = answer.header("sec-websocket-protocol");
    if (protocol !== undefined && !sent.members("sec-websocket-protocol").includes(protocol)) this.faults.push(`the subprotocol ${protocol} was not offered`);
    const origins = sent.all("origin");
    const isForeign = origins.length > 0 && origins.every((origin) => origin === FOREIGN_ORIGIN);
    if (isForeign && !this.#anyOrigin) this.faults.push("a 101 for a page of a foreign origin");
    const agreed = readDeflateAnswer(answer.header("sec-websocket-extensions"), sent.all("sec-websocket-extensions"));
    if (typeof agreed === "string") this.faults.push(agreed);
    else if (agreed !== undefined) this.#session = new DeflateSession(agreed);
    this.#frames.allowsRsv1 = this.#session !== undefined;
  }

  #readFrames(bytes: Buffer): void {
    const frames = this.#frames.push(bytes);
    this.faults.push(...this.#frames.violations.splice(0));
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
      if (first?.opcode === Opcode.text && !isUtf8(payload)) this.faults.push("text that is not UTF-8");
    } catch (error) {
      this.faults.push(`a compressed message that cannot be inflated: ${(error as Error).message}`);
    }
  }
}
