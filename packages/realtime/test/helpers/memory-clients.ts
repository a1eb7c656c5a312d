import { setImmediate as turn } from "node:timers/promises";
import { Upgrader, type Connection, type ConnectionHandler, type Leaving, type UpgraderOptions } from "@upwire/core";
import { decodeBinaryFrame, SUBPROTOCOL } from "@upwire/protocol";
import { openInMemory, sentTo, type TransportPeer } from "@upwire/testing";

/** A client in memory. */
export class MemoryClient {
  readonly connection: Connection;
  readonly peer: TransportPeer;
  #seen = 0;

  constructor(connection: Connection, peer: TransportPeer) {
    this.connection = connection;
    this.peer = peer;
  }

  say(frame: object): void {
    this.peer.text(JSON.stringify(frame));
  }

  /** What came since the last call, once everything has had its turn: frames as values, and the close frame as text. */
  async heard(): Promise<unknown[]> {
    for (let turns = 0; turns < 4; turns++) await turn();
    const all = sentTo(this.peer);
    const news = all.slice(this.#seen);
    this.#seen = all.length;
    return news.filter((line) => !line.startsWith("ping")).map(read);
  }

  /** Says one thing, and what came then. */
  async ask(frame: object): Promise<unknown[]> {
    this.say(frame);
    return this.heard();
  }
}

function read(line: string): unknown {
  if (line.startsWith("text ")) return JSON.parse(line.slice("text ".length));
  if (!line.startsWith("binary ")) return line;
  const bytes = Buffer.from(line.slice("binary ".length), "hex");
  const decoded = decodeBinaryFrame(bytes);
  return decoded === undefined ? { bytes: bytes.toString() } : { ...(decoded.header as object), bytes: Buffer.from(decoded.payload).toString() };
}

/** A route in memory, whose handler is a realtime. */
export class MemoryRoute {
  readonly upgrader: Upgrader;
  /** What `onError` got. */
  readonly errors: unknown[] = [];
  readonly #handler: ConnectionHandler<never, never>;

  constructor(handler: object, options: UpgraderOptions = {}) {
    this.#handler = handler;
    const onError = (error: unknown): void => void this.errors.push(error);
    this.upgrader = Upgrader.forRoute(handler, { onError, ...options });
  }

  /** What core does before it closes a connection because the server goes away. */
  leaving(connection: Connection, notice: Leaving): unknown {
    return this.#handler.leaving?.(connection as never, notice);
  }

  /** A client that speaks `upwire.v1`; its hello is heard. */
  async client(headers: Readonly<Record<string, string>> = {}): Promise<MemoryClient> {
    const client = await this.plain({ "sec-websocket-protocol": SUBPROTOCOL, ...headers });
    await client.heard();
    return client;
  }

  /** A client that speaks nothing in particular. */
  async plain(headers: Readonly<Record<string, string>> = {}): Promise<MemoryClient> {
    const { connection, peer } = await openInMemory(this.upgrader, this.#handler as never, { headers });
    return new MemoryClient(connection, peer);
  }
}
