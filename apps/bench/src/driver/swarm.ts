import { Client, type ClientHost } from "./client.ts";
import { dialects, type Dialect } from "./dialect.ts";
import { InflatedOrder } from "./inflated-order.ts";
import type { Job } from "./job.ts";
import { PayloadFactory } from "./payload.ts";
import { publisherAt, sequenceAt, STAMP_BYTES } from "./stamp.ts";
import type { Traffic } from "./traffic.ts";

const READ_BUFFER_BYTES = 256 * 1024;
const CONNECTING_AT_ONCE = 64;

/** All clients of one measurement. */
export class Swarm implements ClientHost {
  readonly port: number;
  readonly dialect: Dialect;
  readonly deflate: boolean;
  readonly messageBytes: number;
  readonly readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  readonly clients: Client[] = [];
  /** Those that send, where that is not for `clients`. */
  readonly #senders: Client[] = [];
  readonly #stampAt: number;
  /** Nothing that comes is counted without it. */
  traffic: Traffic | undefined;
  readonly #rooms: number | undefined;
  readonly #payloadBytes: number;
  readonly #payloads: PayloadFactory;
  readonly #gone = new Map<number, string>();
  #order: InflatedOrder | undefined;
  #dirty: Client[] = [];
  #isClosing = false;
  #fail: (error: Error) => void = () => {};

  constructor(job: Job) {
    this.port = job.port;
    this.dialect = dialects[job.protocol];
    this.deflate = job.deflate;
    this.#rooms = job.rooms;
    this.#payloadBytes = job.payloadBytes;
    this.#payloads = new PayloadFactory(job.payloadBytes, this.dialect.senders ?? this.dialect);
    const { prefix, suffix } = this.dialect.received ?? this.dialect;
    this.#stampAt = prefix.length;
    this.messageBytes = prefix.length + job.payloadBytes + suffix.length;
  }

  /** Chunks read so far. */
  get reads(): number {
    return this.clients.reduce((sum, client) => sum + client.reads, 0);
  }

  /** Mean length of the compressed payloads that were looked into. */
  get compressedBytes(): number | undefined {
    return this.#order && this.#order.bytes / this.#order.messages;
  }

  /** How many clients the server has closed, of those from `first` on. */
  goneFrom(first: number): number {
    return [...this.#gone.keys()].filter((index) => index >= first).length;
  }

  /** Adds so many open clients. @throws Error when one is refused or closed meanwhile. */
  connect(count: number): Promise<void> {
    return this.#connect(count, () => this.#add());
  }

  /** Opens the connections that send, if the dialect has such; they come behind `clients`. @throws Error as `connect` does. */
  connectSenders(count: number): Promise<void> {
    const { senders } = this.dialect;
    if (senders === undefined) return Promise.resolve();
    return this.#connect(count, () => {
      const client = new Client(this.clients.length + this.#senders.length, this, senders);
      this.#senders.push(client);
      return client;
    });
  }

  async #connect(count: number, add: () => Client): Promise<void> {
    let left = count;
    const lane = async (): Promise<void> => {
      while (left-- > 0) await add().opened();
    };
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      void Promise.all(Array.from({ length: Math.min(count, CONNECTING_AT_ONCE) }, lane)).then(() => resolve());
    });
    this.#fail = () => {};
  }

  #add(): Client {
    const index = this.clients.length;
    const client = new Client(index, this, this.dialect, this.#rooms === undefined ? undefined : index % this.#rooms);
    this.clients.push(client);
    return client;
  }

  /** Counts from here on with `traffic`, whose sequence numbers start again. */
  talk(traffic: Traffic): void {
    this.traffic = traffic;
    if (!this.deflate) return;
    this.#order ??= new InflatedOrder({
      payloadBytes: this.messageBytes,
      deliver: (client, message) => this.#delivered(client, message, 0),
      onFault: () => void (this.traffic && this.traffic.disorders++),
    });
    this.#order.restart();
  }

  /** Queues a message; `flush` sends it. */
  send(publisher: number, planned: number): void {
    const { traffic } = this;
    if (traffic === undefined) return;
    const client = this.#senders[publisher] ?? this.clients[traffic.clientOf(publisher)];
    if (client?.queue(this.#payloads.frame(publisher, traffic.sending(publisher, planned))) === true) this.#dirty.push(client);
  }

  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const client of dirty) client.flush();
  }

  disconnect(): void {
    this.#isClosing = true;
    for (const client of [...this.clients, ...this.#senders]) client.reset();
  }

  beforeRead(): void {
    if (this.traffic !== undefined) this.traffic.now = performance.now();
  }

  afterRead(): void {
    if (this.#dirty.length > 0) this.flush();
  }

  stamped(client: number, data: Buffer, at: number): void {
    if (this.#order === undefined) this.#delivered(client, data, at);
    else this.#order.receive(client, data.subarray(at, at + this.messageBytes), false);
  }

  #delivered(client: number, data: Buffer, at: number): void {
    const stampAt = at + this.#stampAt;
    this.traffic?.delivered(client, publisherAt(data, stampAt), sequenceAt(data, stampAt));
  }

  message(client: Client, payload: Buffer, compressed: boolean): void {
    if (compressed && this.#order !== undefined) this.#order.receive(client.index, payload, true);
    // In fragments, for example.
    else if (payload.length === this.messageBytes) this.stamped(client.index, payload, 0);
    else if (client.index >= this.clients.length) return;
    else if (this.dialect.hasTail === true && payload.length > this.messageBytes) this.stamped(client.index, payload, 0);
    else if (this.dialect.separator) this.#glued(client.index, payload);
    else client.ended(`it sent ${payload.length} bytes that are no message of ours`);
  }

  gone(client: Client, why: string): void {
    if (this.#isClosing || this.#gone.has(client.index)) return;
    this.#gone.set(client.index, why);
    this.#fail(new Error(`client ${client.index}: ${why}`));
    this.traffic?.dropped(client.index);
  }

  #glued(client: number, payload: Buffer): void {
    const step = this.#payloadBytes + 1;
    for (let at = 0; at + STAMP_BYTES <= payload.length; at += step) this.stamped(client, payload, at);
  }
}
