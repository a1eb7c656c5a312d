import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import { setImmediate } from "node:timers/promises";
import type { Target } from "../target.ts";
import { closePayload, encodeClientFrame, Opcode } from "../client-frame.ts";
import { resetSocket } from "../reset-socket.ts";
import type { Judge } from "./judge.ts";

const CLOSE = encodeClientFrame({ opcode: Opcode.close, payload: closePayload(1000), mask: Buffer.alloc(4) });

/** One TCP connection of the fuzzer: less than a `WireClient`, since there are thousands a second. */
export class Line {
  /** The inputs that went over it, in order. */
  readonly numbers: number[] = [];
  readonly judge: Judge;
  /** The server has ended the connection, well or by a reset. */
  isOver = false;
  readonly #socket: Socket;
  #check: (() => void) | undefined;
  #saidClose = false;

  private constructor(socket: Socket, judge: Judge) {
    this.#socket = socket;
    this.judge = judge;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("end", () => {
      judge.end();
      // Not `end`: the port would be kept for a minute (TIME_WAIT), and there are only some ten thousand.
      this.reset();
    });
    socket.on("close", () => {
      this.isOver = true;
      this.#check?.();
    });
  }

  /** @param judge Reads what comes back. Rejects when there is no connection. */
  static open({ host = "127.0.0.1", port, tls }: Target, judge: Judge): Promise<Line> {
    return new Promise((resolve, reject) => {
      // Half open, so that a server that does not end its side is found.
      const options = { host, port, allowHalfOpen: true };
      const socket = tls ? connectTls({ ...tls, ...options }) : connectTcp(options);
      // Resets are what fuzzing leads to; the one at the start is told.
      socket.on("error", reject);
      socket.once(tls ? "secureConnect" : "connect", () => resolve(new Line(socket, judge)));
    });
  }

  async write(writes: readonly Buffer[]): Promise<void> {
    for (const [index, bytes] of writes.entries()) {
      // Lets the bytes before leave in a packet of their own.
      if (index > 0) await setImmediate();
      if (this.#socket.writable) this.#socket.write(bytes);
    }
  }

  /** Waits until `done` or the end of the connection. False after `timeoutMs`. */
  async until(done: () => boolean, timeoutMs: number): Promise<boolean> {
    if (this.isOver || done()) return true;
    return new Promise((resolve) => {
      const finish = (isDone: boolean): void => {
        clearTimeout(timer);
        this.#check = undefined;
        resolve(isDone);
      };
      const timer = setTimeout(() => finish(false), timeoutMs);
      this.#check = () => {
        if (this.isOver || done()) finish(true);
      };
    });
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends our side of the TCP connection. */
  end(): void {
    this.#socket.end();
  }

  reset(): void {
    // Only a plain socket can be reset.
    if (this.#socket instanceof TLSSocket) this.#socket.destroy();
    else resetSocket(this.#socket);
  }

  #onData(chunk: Buffer): void {
    this.judge.push(chunk);
    if (this.judge.closeCode !== undefined && !this.#saidClose && this.#socket.writable) {
      this.#saidClose = true;
      this.#socket.write(CLOSE);
    }
    this.#check?.();
  }
}
