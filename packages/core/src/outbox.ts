import type { Socket } from "node:net";
import type { Flushable, Flusher } from "./flusher.ts";
import type { FrameRun } from "./frame-run.ts";

/** The frames on their way to one socket: one write per turn, and none while the kernel is not taking any. */
export class Outbox implements Flushable {
  readonly #socket: Socket;
  readonly #flusher: Flusher;
  readonly #now: () => number;
  #run: FrameRun | undefined;
  /** The newest pong: RFC 6455 §5.5.3 lets us answer only the latest ping, so at most one ever waits. */
  #pong: Buffer | undefined;
  #queued = false;
  #ending = false;
  /** Since when the socket takes nothing, or 0. */
  #blockedSince = 0;

  constructor(socket: Socket, flusher: Flusher, now: () => number) {
    this.#socket = socket;
    this.#flusher = flusher;
    this.#now = now;
  }

  /** Bytes that wait here and in the socket. */
  get bytes(): number {
    return (this.#run?.bytes ?? 0) + this.#socket.writableLength;
  }

  /** Frames that wait here. */
  get frames(): number {
    return this.#run?.frames ?? 0;
  }

  /** When the oldest waiting byte was written to the socket, or 0 when nothing waits there. */
  get blockedSince(): number {
    return this.#blockedSince;
  }

  push(frame: Buffer): void {
    this.#run = (this.#run ?? this.#flusher.root).with(frame);
    this.#schedule();
  }

  /** @returns whether it takes the place of one that had not left. */
  pushPong(frame: Buffer): boolean {
    const isInstead = this.#pong !== undefined;
    this.#pong = frame;
    this.#schedule();
    return isInstead;
  }

  /** Forgets what the socket has not been given: whole frames only, so the stream stays valid. */
  discard(): void {
    this.#run = undefined;
    this.#pong = undefined;
  }

  /** Ends the TCP stream after everything that waits. */
  end(): void {
    this.#ending = true;
    this.#schedule();
  }

  /** The socket emitted `drain`. */
  unblock(): void {
    this.#blockedSince = 0;
    if (this.#run !== undefined || this.#pong !== undefined || this.#ending) this.#schedule();
  }

  flush(): FrameRun | undefined {
    this.#queued = false;
    if (this.#blockedSince !== 0) return undefined;
    const run = this.#run;
    const pong = this.#pong;
    this.#run = undefined;
    this.#pong = undefined;
    if (pong !== undefined) {
      // In front of the shared bytes, and still one write: cork gathers the two.
      this.#socket.cork();
      this.#socket.write(pong);
    }
    if (run !== undefined) this.#socket.write(run.join());
    if (pong !== undefined) this.#socket.uncork();
    if (this.#socket.writableNeedDrain) this.#blockedSince = this.#now();
    if (this.#ending) this.#socket.end();
    return run;
  }

  #schedule(): void {
    if (this.#queued || this.#blockedSince !== 0) return;
    this.#queued = true;
    this.#flusher.add(this);
  }
}
