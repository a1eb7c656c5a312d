import type { Connection } from "@upwire/core";
import { Opcode, type TransportPeer } from "@upwire/testing";
import { FrameSplitter } from "./frame-splitter.ts";
import { MessageReader, type Wire } from "./wire.ts";

/** A connection in memory: no socket, no port, no time. */
export class MemoryWire implements Wire {
  readonly #peer: TransportPeer;
  readonly #frames = new FrameSplitter();
  readonly #messages = new MessageReader();
  #closedWith: number | undefined;
  #isOurs = false;
  readonly isBroken = false;
  pauses = 0;

  constructor(peer: TransportPeer, connection: Connection) {
    this.#peer = peer;
    void connection.closed.then(() => (this.#closedWith ??= this.#isOurs ? undefined : 1006));
  }

  get isTaking(): boolean {
    return this.#peer.isTaking;
  }

  set isTaking(isTaking: boolean) {
    if (!isTaking && this.#peer.isTaking) this.pauses++;
    this.#peer.isTaking = isTaking;
  }

  get closedWith(): number | undefined {
    return this.#closedWith;
  }

  send(text: string): void {
    this.#peer.text(text);
  }

  take(): string[] {
    if (this.#peer.written.length === 0) return [];
    return this.#read(this.#peer.written.splice(0));
  }

  takeOne(): void {
    this.#peer.release();
  }

  cut({ inMidFrame, below }: { readonly inMidFrame: boolean; readonly below: (limit: number) => number }): string[] {
    const whole = this.take();
    if (inMidFrame) {
      this.#peer.release();
      const bytes = Buffer.concat(this.#peer.written.splice(0));
      whole.push(...this.#read([bytes.subarray(0, below(bytes.byteLength + 1))]));
    }
    this.#isOurs = true;
    this.#peer.destroy();
    return whole;
  }

  #read(chunks: readonly Buffer[]): string[] {
    const texts: string[] = [];
    for (const chunk of chunks) {
      for (const frame of this.#frames.push(chunk)) {
        if (frame.opcode === Opcode.ping) this.#peer.pong(frame.payload.toString());
        else if (frame.opcode === Opcode.close) this.#closed(frame.payload);
        else if (frame.opcode !== Opcode.pong) {
          const text = this.#messages.push(frame);
          if (text !== undefined) texts.push(text);
        }
      }
    }
    return texts;
  }

  #closed(payload: Buffer): void {
    if (this.#isOurs) return;
    this.#closedWith ??= payload.byteLength < 2 ? 1005 : payload.readUInt16BE(0);
    this.#peer.close(1000);
  }
}
