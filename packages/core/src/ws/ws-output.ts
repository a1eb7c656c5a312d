import type { FrameOutput } from "../send/frame-output.ts";
import { frameLength, Opcode, payloadOf } from "../wire/frame.ts";

/** The part of a `WebSocket` of the `ws` package that upwire uses; every version 8 has it. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  /** How it gives binary messages; a plugin may have set it. */
  binaryType: string;
  send(data: Uint8Array, options: { readonly binary: boolean; readonly fin?: boolean }, done?: (error?: Error) => void): void;
  ping(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: "ping" | "pong", listener: (data: Buffer) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "close", listener: (code: number, reason: Buffer) => void): unknown;
}

/** `readyState` of `ws`. */
export const OPEN = 1;

const EMPTY = Buffer.alloc(0);

/**
 * A `ws` object as the output of a connection. `ws` frames by itself, so each frame is taken apart again. It gets the next one when
 * it has passed the one before on: each that it holds would take a kilobyte, however short it is.
 */
export class WsOutput implements FrameOutput {
  readonly #ws: WebSocketLike;
  readonly #drained: () => void;
  #rest: Buffer = EMPTY;
  #isBinary = false;
  #needsDrain = false;

  /** @param drained Called when it takes frames again after it was full. */
  constructor(ws: WebSocketLike, drained: () => void) {
    this.#ws = ws;
    this.#drained = drained;
  }

  readonly writableHighWaterMark = 0;
  readonly writableEnded = false;

  get writableLength(): number {
    return this.#ws.bufferedAmount + this.#rest.byteLength;
  }

  get writableNeedDrain(): boolean {
    return this.#needsDrain;
  }

  get destroyed(): boolean {
    return this.#ws.readyState !== OPEN;
  }

  write(frames: Buffer): boolean {
    this.#rest = this.#rest.byteLength === 0 ? frames : Buffer.concat([this.#rest, frames]);
    this.#pass();
    this.#needsDrain = this.writableLength > 0;
    return !this.#needsDrain;
  }

  cork(): void {
    // `ws` gives everything to its socket at once.
  }

  uncork(): void {
    // The same.
  }

  end(): void {
    // `ws` ends its socket behind the close frame.
  }

  readonly #written = (): void => {
    if (!this.#needsDrain) return;
    this.#pass();
    if (this.writableLength > 0) return;
    this.#needsDrain = false;
    this.#drained();
  };

  #pass(): void {
    while (this.#rest.byteLength > 0 && this.#ws.bufferedAmount === 0) this.#sendFirst();
  }

  #sendFirst(): void {
    const rest = this.#rest;
    const short = (rest[1] ?? 0) & 0x7f;
    const payloadBytes = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : rest.readUInt32BE(2) * 0x100000000 + rest.readUInt32BE(6);
    const frame = rest.subarray(0, frameLength(payloadBytes));
    this.#rest = frame.byteLength === rest.byteLength ? EMPTY : rest.subarray(frame.byteLength);
    if (this.#ws.readyState !== OPEN) return;
    const first = frame[0] ?? 0;
    const opcode = first & 0x0f;
    const payload = payloadOf(frame);
    if (opcode === Opcode.ping) return this.#ws.ping(payload);
    if (opcode === Opcode.close) return payload.byteLength === 0 ? this.#ws.close() : this.#ws.close(payload.readUInt16BE(0), payload.toString("utf8", 2));
    // `ws` looks at the kind of a message at its first fragment.
    if (opcode !== Opcode.continuation) this.#isBinary = opcode === Opcode.binary;
    this.#ws.send(payload, { binary: this.#isBinary, fin: (first & 0x80) !== 0 }, this.#written);
  }
}
