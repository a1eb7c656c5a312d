import { setImmediate } from "node:timers/promises";
import { encodeClientFrame, Opcode, type FrameInit } from "../client-frame.ts";
import type { Frame } from "../server-frames.ts";
import type { WireClient } from "../wire-client.ts";
import type { Chunking, Echo, Step } from "./case.ts";
import type { DeflateSession } from "./deflate-session.ts";
import { fragments } from "./write.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** RFC 6455 §7.4: may this code stand in a close frame? */
export const isSendable = (code: number): boolean => (code >= 1000 && code < 1015 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code < 5000);

export interface ConversationStart {
  /** Where messages are compressed. */
  readonly session: DeflateSession | undefined;
  /** The steps of the case end in a close frame of their own. */
  readonly saidClose: boolean;
}

/** One open connection: sends steps, takes down what the server says, and answers its close frame. */
export class Conversation {
  readonly messages: Echo[] = [];
  readonly pongs: Buffer[] = [];
  /** What the server did against the RFCs. */
  readonly faults: string[] = [];
  /** Of the server's close frame; 1005 without one in it. */
  closeCode: number | undefined;
  /** The TCP connection is over. */
  ended = false;
  readonly #client: WireClient;
  readonly #session: DeflateSession | undefined;
  readonly #watchers = new Set<() => void>();
  #fragments: Frame[] = [];
  #saidClose: boolean;

  constructor(client: WireClient, { session, saidClose }: ConversationStart) {
    this.#client = client;
    this.#session = session;
    this.#saidClose = saidClose;
    void this.#listen();
  }

  async send(step: Step): Promise<void> {
    if ("raw" in step) return this.#write(step.raw, step);
    await this.#sendFrames("frames" in step ? step.frames : this.#deflated(step.deflate, step.opcode, step.fragmentBytes), step);
  }

  close(code: number): void {
    this.#saidClose = true;
    if (this.#client.socket.writable) this.#client.sendFrame({ opcode: Opcode.close, payload: Buffer.of(code >> 8, code & 0xff) });
  }

  /** Waits until `done`, or the end of the connection, or `timeoutMs`. True when done. */
  async until(done: () => boolean, timeoutMs: number): Promise<boolean> {
    if (!done() && !this.ended) {
      await new Promise<void>((resolve) => {
        const check = (): void => {
          if (done() || this.ended) finish();
        };
        const finish = (): void => {
          clearTimeout(timer);
          this.#watchers.delete(check);
          resolve();
        };
        const timer = setTimeout(finish, timeoutMs);
        this.#watchers.add(check);
      });
    }
    return done();
  }

  #deflated(payload: Uint8Array, opcode: number, fragmentBytes: number | undefined): FrameInit[] {
    if (this.#session === undefined) throw new Error("a compressed step without permessage-deflate");
    const deflated = this.#session.deflate(payload);
    return fragments(opcode, deflated, fragmentBytes ?? Math.max(1, deflated.byteLength), 4);
  }

  async #sendFrames(frames: readonly FrameInit[], chunking: Chunking): Promise<void> {
    if (frames.some(({ opcode }) => opcode === Opcode.close)) this.#saidClose = true;
    await this.#write(Buffer.concat(frames.map(encodeClientFrame)), chunking);
  }

  async #write(bytes: Uint8Array, { chunkBytes, cutBytes = bytes.byteLength }: Chunking): Promise<void> {
    let at = 0;
    while (at < bytes.byteLength && this.#client.socket.writable) {
      const cuts = chunkBytes !== undefined && (at < cutBytes || at >= bytes.byteLength - cutBytes);
      const end = cuts ? at + chunkBytes : chunkBytes === undefined ? bytes.byteLength : Math.max(at + 1, bytes.byteLength - cutBytes);
      this.#client.sendRaw(bytes.subarray(at, end));
      at = end;
      // Lets the bytes leave, and a server in this process read them.
      if (chunkBytes !== undefined) await setImmediate();
    }
  }

  async #listen(): Promise<void> {
    void this.#client.closed.then(() => {
      this.ended = true;
      this.#tell();
    });
    try {
      for (;;) {
        this.#take(await this.#client.nextFrame(Infinity));
        this.#tell();
      }
    } catch {
      // The connection ended.
    }
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #take(frame: Frame): void {
    if (frame.opcode === Opcode.pong) this.pongs.push(frame.payload);
    else if (frame.opcode === Opcode.close) this.#takeClose(frame.payload);
    else if (frame.opcode === Opcode.ping) this.#answerPing(frame.payload);
    else this.#takeData(frame);
  }

  #answerPing(payload: Buffer): void {
    if (!this.#saidClose && this.#client.socket.writable) this.#client.sendFrame({ opcode: Opcode.pong, payload });
  }

  #takeClose(payload: Buffer): void {
    this.closeCode ??= payload.byteLength < 2 ? 1005 : payload.readUInt16BE(0);
    if (payload.byteLength === 1) this.faults.push("the server's close frame has a body of one byte");
    if (payload.byteLength >= 2 && !isSendable(payload.readUInt16BE(0))) this.faults.push(`the server sent the close code ${payload.readUInt16BE(0)}`);
    if (!isUtf8(payload.subarray(2))) this.faults.push("the server's close reason is not UTF-8");
    if (!this.#saidClose) this.close(payload.byteLength < 2 ? 1000 : payload.readUInt16BE(0));
  }

  #takeData(frame: Frame): void {
    if (frame.rsv1 && this.#fragments.length > 0) this.faults.push("the server set RSV1 on a continuation");
    this.#fragments.push(frame);
    if (!frame.fin) return;
    const [first] = this.#fragments;
    let payload: Buffer = Buffer.concat(this.#fragments.map((fragment) => fragment.payload));
    this.#fragments = [];
    if (first?.rsv1 === true) payload = this.#inflate(payload);
    if (first?.opcode === Opcode.text && !isUtf8(payload)) this.faults.push("the server sent text that is not UTF-8");
    this.messages.push({ opcode: first?.opcode ?? 0, payload });
  }

  #inflate(payload: Buffer): Buffer {
    try {
      return this.#session?.inflate(payload) ?? payload;
    } catch (error) {
      this.faults.push(`the server's compressed message cannot be inflated: ${(error as Error).message}`);
      return payload;
    }
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    UTF8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
