import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { NeighbourWatch } from "../upgrade/neighbour-watch.ts";

/** The real socket, paused, and what came behind the handshake. */
export interface TakenSocket {
  readonly socket: Socket;
  readonly head: Buffer;
}

interface Chunk {
  readonly chunk: Buffer;
}

/** A whole refusal, and nothing in it: RFC 6455 §4.4 and RFC 9110 §15.5.22 want headers beside a 426. */
const BARE_REFUSAL = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\nConnection: close\r\nContent-Length: 0\r\n\r\n$/;

/** The beginning of an answer that makes a WebSocket of the request. */
const SWITCHING = Buffer.from("HTTP/1.1 101");

type Done = (error?: Error | null) => void;

/**
 * What a plugin gets in place of the socket. Bytes pass both ways, so that routes of its own work as on the socket itself.
 * Once the request is found to be ours nothing is read: the plugin writes its 101, and then we take the real socket.
 */
export class PluginSocket extends Duplex {
  readonly #socket: Socket;
  #head: Buffer | undefined;
  #isUsed = false;
  #isWithheld = false;
  #isDetached = false;
  /** The client left before the plugin had read or written anything. */
  #isGone = false;
  /** What the plugin has written while the request may be another library's. */
  #held: Buffer[] | undefined;
  #isReadAwaited = false;
  #isEndHeld = false;
  #neighbours: NeighbourWatch | undefined;
  #bare: { readonly status: number; readonly send: () => void } | undefined;

  /** @param neighbours Where other libraries listen for upgrades too: until `claim`, only a 101 of the plugin passes. */
  constructor(socket: Socket, head: Buffer, neighbours?: NeighbourWatch) {
    super();
    this.#socket = socket;
    this.#head = neighbours?.isHeadPutBack === true ? Buffer.alloc(0) : head;
    this.#neighbours = neighbours;
    if (neighbours !== undefined) this.#held = [];
    // A plugin may have no listener before its route is found: a reset until then would end the process.
    this.on("error", () => {});
    socket.once("close", this.#onClose);
  }

  /** Whether the client's bytes wait for `take`. */
  get isWithheld(): boolean {
    return this.#isWithheld;
  }

  /** Whether the request may still be another library's. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** A route has the request: what the plugin wrote goes out. @returns false when another library has taken it. */
  claim(): boolean {
    const held = this.#held;
    if (held === undefined) return !this.#isDetached;
    if (this.#neighbours?.isTaken === true) {
      this.detach();
      return false;
    }
    this.#held = undefined;
    this.#socket.setTimeout(0);
    this.#socket.setNoDelay(true);
    for (const chunk of held) this.#socket.write(chunk);
    if (this.#isEndHeld) this.#socket.destroySoon();
    else if (this.#isReadAwaited && !this.#isWithheld) this.#relay();
    return true;
  }

  /** Keeps the client's bytes from the plugin. @returns false when it is too late, since something was read or written. */
  withhold(): boolean {
    if (!this.#isUsed) this.#isWithheld = true;
    return this.#isWithheld;
  }

  /** When the plugin refuses with this status and nothing beside it, as `@hono/node-ws` does, `send` answers in its place. */
  replaceBare(status: number, send: () => void): void {
    this.#bare = { status, send };
  }

  /** Gives the real socket to us. `undefined` when the bytes were not withheld, `"gone"` when the client has left. */
  takeOver(): TakenSocket | "gone" | undefined {
    if (!this.#isWithheld || this.#isDetached) return undefined;
    this.detach();
    return this.#isGone ? "gone" : { socket: this.#socket, head: this.#head ?? Buffer.alloc(0) };
  }

  /** To the plugin, the socket closes; the real one stays as it is. */
  detach(): void {
    this.#isDetached = true;
    this.#held = undefined;
    this.#socket.off("close", this.#onClose);
    this.destroy();
  }

  /** Gives the bytes to the plugin after all. */
  release(): void {
    if (!this.#isWithheld || this.#isDetached) return;
    this.#isWithheld = false;
    this.#relay();
  }

  override _read(): void {
    if (this.isHeld) this.#isReadAwaited = true;
    else if (!this.#isWithheld) this.#relay();
  }

  #relay(): void {
    if (this.#isGone) return void this.destroy();
    const socket = this.#socket;
    const head = this.#head;
    if (head !== undefined) {
      this.#isUsed = true;
      this.#head = undefined;
      socket.on("data", (chunk: Buffer) => {
        if (!this.push(chunk)) socket.pause();
      });
      socket.once("end", () => this.push(null));
      if (head.byteLength > 0 && !this.push(head)) return;
    }
    socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#pass([{ chunk }], done);
  }

  /** Also for what was corked, header and payload of a frame for one: it stays one write. */
  override _writev(chunks: readonly Chunk[], done: Done): void {
    this.#pass(chunks, done);
  }

  #pass(chunks: readonly Chunk[], done: Done): void {
    if (this.#held !== undefined) {
      // A plugin has routes of its own: with a 101 one of them has taken the request.
      const isSwitching = chunks[0]?.chunk.subarray(0, SWITCHING.byteLength).equals(SWITCHING) === true;
      if (!isSwitching) this.#held.push(...chunks.map(({ chunk }) => chunk));
      if (!isSwitching || !this.claim()) return done();
    }
    const isReplaced = !this.#isUsed && this.#bare !== undefined && this.#isBare(chunks[0]?.chunk);
    this.#isUsed = true;
    if (this.#isGone) return done();
    if (isReplaced) {
      this.#bare?.send();
      return done();
    }
    const socket = this.#socket;
    socket.cork();
    for (const { chunk } of chunks.slice(0, -1)) socket.write(chunk);
    const last = chunks.at(-1)?.chunk ?? Buffer.alloc(0);
    if (this.#isWithheld) {
      // Nothing may wait here, or `takeOver` would lose it.
      socket.write(last);
      done();
    } else {
      socket.write(last, done);
    }
    socket.uncork();
  }

  #isBare(chunk: Buffer | undefined): boolean {
    return BARE_REFUSAL.exec(chunk?.toString("latin1") ?? "")?.[1] === String(this.#bare?.status);
  }

  override _final(done: Done): void {
    if (this.isHeld) {
      this.#isEndHeld = true;
      return done();
    }
    if (this.#isGone || this.#socket.writableEnded) return done();
    this.#socket.end(done);
    // Refused before anything was read: bytes that will never be read would hide the client's end from us.
    if (this.#head !== undefined) this.#socket.destroySoon();
  }

  override _destroy(error: Error | null, done: Done): void {
    if (this.isHeld) this.#isEndHeld = true;
    if (this.#isDetached || this.isHeld) return done(error);
    // Writes were called done before they were: an answer of the plugin may still be on its way.
    if (this.#isWithheld) this.#socket.destroySoon();
    else this.#socket.destroy();
    done(error);
  }

  // What `ws` and frameworks call on a socket where it has them.

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  setTimeout(ms: number, listener?: () => void): this {
    if (!this.isHeld) this.#socket.setTimeout(ms, listener);
    return this;
  }

  setNoDelay(noDelay?: boolean): this {
    if (!this.isHeld) this.#socket.setNoDelay(noDelay);
    return this;
  }

  setKeepAlive(enable?: boolean, delayMs?: number): this {
    if (!this.isHeld) this.#socket.setKeepAlive(enable, delayMs);
    return this;
  }

  readonly #onClose = (): void => {
    // `ws` would forget the handshake without a word, and `@hono/node-ws` waits for one: it finds out behind its 101.
    if (!this.#isUsed) {
      this.#isGone = true;
      return;
    }
    // Both sides ended in order: what the plugin has not read yet is still its own.
    if (this.#socket.readableEnded && this.writableFinished) return;
    this.destroy(this.#socket.errored ?? undefined);
  };
}
