import { constants, inflateRawSync } from "node:zlib";

const WINDOW = 32 * 1024;
const SYNC_TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** Every so manieth client inflates what it gets; if all did, the driver would be the bottleneck. */
const INFLATE_EVERY = 61;

/** permessage-deflate of one connection. What came before is given as the dictionary, so context takeover is understood. */
class Inflater {
  #window: Buffer = Buffer.alloc(0);

  inflate(payload: Buffer): Buffer {
    const dictionary = this.#window.length > 0 ? { dictionary: this.#window } : {};
    const data = inflateRawSync(Buffer.concat([payload, SYNC_TAIL]), { ...dictionary, finishFlush: constants.Z_SYNC_FLUSH });
    this.#window = Buffer.concat([this.#window, data]).subarray(-WINDOW);
    return data;
  }
}

export interface InflatedOrderHooks {
  /** What every message inflates to. */
  readonly payloadBytes: number;
  readonly deliver: (client: number, message: Buffer) => void;
  /** A message of another length, or two clients that got different ones. */
  readonly onFault: () => void;
}

/**
 * Which message is the how-manieth of a client, when they come compressed. Client 0 reads all of its messages, every 61st
 * client is compared with it, and the others are taken to get the same: they are counted.
 */
export class InflatedOrder {
  readonly #inflaters = new Map<number, Inflater>();
  readonly #hooks: InflatedOrderHooks;
  /** The messages in the order of client 0. */
  #order: Buffer[] = [];
  /** Per client: what came, and what of that was delivered. */
  #received: number[] = [];
  #delivered: number[] = [];
  /** What compared clients got before client 0 did. */
  readonly #early: { readonly at: number; readonly message: Buffer }[] = [];

  bytes = 0;
  messages = 0;

  constructor(hooks: InflatedOrderHooks) {
    this.#hooks = hooks;
  }

  /** Clients may have joined: whoever is there now gets the same from now on. */
  restart(): void {
    this.#order = [];
    this.#received = [];
    this.#delivered = [];
  }

  /** @param isCompressed A server may send any message as it is. */
  receive(client: number, payload: Buffer, isCompressed: boolean): void {
    const at = this.#received[client] ?? 0;
    this.#received[client] = at + 1;
    if (client % INFLATE_EVERY === 0) this.#look(client, at, payload, isCompressed);
    if (client !== 0) this.#catchUp(client);
    else for (let each = 0; each < this.#received.length; each++) this.#catchUp(each);
  }

  #look(client: number, at: number, payload: Buffer, isCompressed: boolean): void {
    const inflater = this.#inflaters.get(client) ?? new Inflater();
    this.#inflaters.set(client, inflater);
    const message = isCompressed ? inflater.inflate(payload) : Buffer.from(payload);
    this.bytes += payload.length;
    this.messages++;
    if (message.length !== this.#hooks.payloadBytes) this.#hooks.onFault();
    if (client !== 0) {
      this.#compare(at, message);
      return;
    }
    this.#order.push(message);
    for (const early of this.#early.splice(0)) this.#compare(early.at, early.message);
  }

  #compare(at: number, message: Buffer): void {
    const expected = this.#order[at];
    if (expected === undefined) this.#early.push({ at, message });
    else if (!expected.equals(message)) this.#hooks.onFault();
  }

  #catchUp(client: number): void {
    const known = Math.min(this.#received[client] ?? 0, this.#order.length);
    for (let at = this.#delivered[client] ?? 0; at < known; at++) this.#hooks.deliver(client, this.#order[at]!);
    this.#delivered[client] = known;
  }
}
