import { Duplex } from "node:stream";

type Done = (error?: Error | null) => void;

/**
 * A socket that takes bytes only when a test says so. Node's HTTP server works on any Duplex (`server.emit("connection")`),
 * so everything up to the kernel is real.
 */
export class FakeSocket extends Duplex {
  readonly remoteAddress = "192.0.2.1";
  readonly remotePort = 1;
  /** What the socket was given, one for each call. */
  readonly written: Buffer[] = [];
  /** Whether it takes what it is given. */
  isTaking = true;
  #held: Done | undefined;

  /** @param writableHighWaterMark Small, so that it is full soon. */
  constructor(writableHighWaterMark = 512) {
    super({ allowHalfOpen: true, writableHighWaterMark });
  }

  /** As if the kernel had room again, for one write. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  /** Bytes from the client. */
  receive(bytes: string | Buffer): void {
    this.push(bytes);
  }

  override _read(): void {
    // `receive` pushes.
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#writeOnce(Buffer.from(chunk), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#writeOnce(Buffer.concat(chunks.map(({ chunk }) => Buffer.from(chunk))), done);
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  #writeOnce(bytes: Buffer, done: Done): void {
    this.written.push(bytes);
    if (this.isTaking) done();
    else this.#held = done;
  }
}
