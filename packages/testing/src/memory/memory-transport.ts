import type { Transport, TransportEvents } from "@upwire/core/adapter";
import { MemoryOutput } from "./memory-output.ts";
import type { TransportPeer } from "./transport-peer.ts";

export interface MemoryTransportOptions {
  /** The way to the client is full when it holds so many bytes. @default 16384, as a socket of Node */
  readonly highWaterMark?: number;
}

/** The two ends of one connection: the server's, for `upgrader.open`, and the client's. */
export interface MemoryTransport {
  readonly transport: Transport;
  readonly peer: TransportPeer;
}

/** A transport without a socket, for unit tests: bytes and messages stay in this process. */
export function memoryTransport({ highWaterMark = 16 * 1024 }: MemoryTransportOptions = {}): MemoryTransport {
  const transport = new ServerEnd(highWaterMark);
  return { transport, peer: new ClientEnd(transport) };
}

/** Tells the connection one thing that came. */
type Arrival = (events: TransportEvents) => void;

class ServerEnd implements Transport {
  readonly output: MemoryOutput;
  /** What the client took. */
  readonly written: Buffer[] = [];
  isPaused = false;
  hasEnded = false;
  #events: TransportEvents | undefined;
  #isOver = false;
  /** A close frame, an end or a fault was told: nothing after it counts. */
  #deaf = false;
  #isTelling = false;
  readonly #arrivals: Arrival[] = [];

  constructor(highWaterMark: number) {
    this.output = new MemoryOutput(highWaterMark, {
      arrived: (frames) => void this.written.push(Buffer.from(frames)),
      emptied: () => this.#events?.writable(),
      ended: () => {
        this.hasEnded = true;
        // As a client does when the server has ended its side.
        this.close();
      },
    });
  }

  start(events: TransportEvents): void {
    process.nextTick(() => {
      if (this.#isOver) return events.closed();
      this.#events = events;
      this.#tell();
    });
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#tell();
  }

  terminate(): void {
    this.close();
  }

  /** Both ends are gone. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#arrivals.length = 0;
    this.output.destroy();
    process.nextTick(() => {
      const events = this.#events;
      this.#events = undefined;
      events?.closed();
    });
  }

  /** Something comes from the client. */
  receive(arrival: Arrival): void {
    if (this.#isOver) return;
    this.#arrivals.push(arrival);
    this.#tell();
  }

  /** The same, and nothing after it counts. */
  receiveLast(arrival: Arrival): void {
    this.receive((events) => {
      this.#deaf = true;
      arrival(events);
    });
  }

  receiveMessage(bytes: Buffer, tell: Arrival): void {
    this.receive((events) => {
      if (bytes.byteLength <= events.limits.maxMessageBytes) return tell(events);
      this.#deaf = true;
      events.broken({ code: "ERR_MESSAGE_TOO_BIG" });
    });
  }

  #tell(): void {
    // A hook may resume while it is told something: the loop that tells it goes on.
    if (this.#isTelling) return;
    this.#isTelling = true;
    while (!this.isPaused && this.#events !== undefined) {
      const arrival = this.#arrivals.shift();
      if (arrival === undefined) break;
      if (this.#deaf) continue;
      this.#events.alive();
      arrival(this.#events);
    }
    this.#isTelling = false;
  }
}

class ClientEnd implements TransportPeer {
  readonly #server: ServerEnd;

  constructor(server: ServerEnd) {
    this.#server = server;
  }

  get written(): Buffer[] {
    return this.#server.written;
  }

  get isTaking(): boolean {
    return this.#server.output.isTaking;
  }

  set isTaking(isTaking: boolean) {
    this.#server.output.isTaking = isTaking;
  }

  get isPaused(): boolean {
    return this.#server.isPaused;
  }

  get isEnded(): boolean {
    return this.#server.hasEnded;
  }

  release(): void {
    this.#server.output.release();
  }

  text(data: string): void {
    const bytes = Buffer.from(data);
    this.#server.receiveMessage(bytes, (events) => events.text(bytes));
  }

  binary(data: Uint8Array): void {
    const bytes = Buffer.from(data);
    this.#server.receiveMessage(bytes, (events) => events.binary(bytes));
  }

  ping(data: string): void {
    this.#server.receive((events) => events.ping(Buffer.from(data)));
  }

  pong(data: string): void {
    this.#server.receive((events) => events.pong(Buffer.from(data)));
  }

  close(code = 1005, reason = ""): void {
    this.#server.receiveLast((events) => events.closeFrame(code, reason));
  }

  end(): void {
    this.#server.receiveLast((events) => events.ended());
  }

  breakRule(): void {
    this.#server.receiveLast((events) => events.broken({ code: "ERR_PROTOCOL" }));
  }

  destroy(): void {
    this.#server.close();
  }
}
