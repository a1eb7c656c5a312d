import { Upgrader, type Connection, type ConnectionHandler } from "@upwire/core";
import { openInMemory, sentTo, type TransportPeer } from "@upwire/testing";
import { setImmediate } from "node:timers/promises";

/** How many turns of the event loop everything takes that one message leads to. */
const TURNS = 4;

/** A client of a handler, without a socket: says things and remembers what it got. */
export class MemoryClient {
  static #lastAddress = 0;
  readonly connection: Connection;
  readonly #peer: TransportPeer;
  #taken = 0;

  private constructor(connection: Connection, peer: TransportPeer) {
    this.connection = connection;
    this.#peer = peer;
  }

  static async open(handler: ConnectionHandler, subprotocol?: "upwire.v1"): Promise<MemoryClient> {
    const { connection, peer } = await openInMemory(new Upgrader(handler.options), handler, {
      remoteAddress: `192.0.2.${++MemoryClient.#lastAddress}`,
      headers: { "sec-websocket-protocol": subprotocol },
    });
    return new MemoryClient(connection, peer);
  }

  get id(): string {
    return this.connection.id;
  }

  get address(): string {
    return this.connection.remoteAddress;
  }

  say(data: string | Buffer): void {
    if (typeof data === "string") this.#peer.text(data);
    else this.#peer.binary(data);
  }

  command(type: string, payload?: unknown): void {
    this.sendJson({ type, payload });
  }

  sendJson(value: unknown): void {
    this.say(JSON.stringify(value));
  }

  leave(): void {
    this.#peer.destroy();
  }

  /** What came since the last call; what is JSON is parsed, bytes are a `Buffer`. */
  async take(): Promise<unknown[]> {
    for (let turn = 0; turn < TURNS; turn++) await setImmediate();
    const all = sentTo(this.#peer);
    const news = all.slice(this.#taken);
    this.#taken = all.length;
    return news.map((line) => {
      const [, kind, data = ""] = /^(\w+) ([^]*)$/.exec(line) ?? [];
      if (kind === "binary") return Buffer.from(data, "hex");
      return data.startsWith("{") ? JSON.parse(data) : data;
    });
  }
}
