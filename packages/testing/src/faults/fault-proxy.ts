import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Clock } from "@upwire/core";
import { Channel } from "../channel.ts";
import { resetSocket } from "../reset-socket.ts";
import { Link, type LinkFaults } from "./link.ts";

/** The faults of both directions. A direction that is left out keeps its own. */
export interface Faults {
  readonly toServer?: LinkFaults;
  readonly toClient?: LinkFaults;
}

export type Side = "client" | "server";

export interface FaultProxyOptions {
  /** Where the server listens. */
  readonly port: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** Of every connection from the start. @default none */
  readonly faults?: Faults;
  /** Replaces the time of delays and bandwidths. */
  readonly clock?: Clock;
}

const realTime: Clock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    return { cancel: () => clearInterval(timer) };
  },
};

/** One connection through a `FaultProxy`. */
export class ProxiedConnection {
  readonly toServer: Link;
  readonly toClient: Link;
  readonly #client: Socket;
  readonly #server: Socket;

  constructor(client: Socket, server: Socket, clock: Clock) {
    this.#client = client;
    this.#server = server;
    this.toServer = new Link(client, server, clock);
    this.toClient = new Link(server, client, clock);
    client.on("error", () => this.#passReset(this.toServer, server));
    server.on("error", () => this.#passReset(this.toClient, client));
  }

  set({ toServer, toClient }: Faults): void {
    if (toServer !== undefined) this.toServer.set(toServer);
    if (toClient !== undefined) this.toClient.set(toClient);
  }

  /** Resets the TCP connection to one side, or to both; the other learns nothing. */
  reset(side: Side | "both" = "both"): void {
    if (side !== "client") resetSocket(this.#server);
    if (side !== "server") resetSocket(this.#client);
  }

  /** Tells one side that the other has ended its TCP stream (FIN), which it has not. */
  end(side: Side): void {
    (side === "client" ? this.#client : this.#server).end();
  }

  #passReset(link: Link, to: Socket): void {
    // A packet with a reset gets lost too.
    if (!link.isCut) resetSocket(to);
  }
}

/** A TCP proxy in front of any port, with a bad network inside. Everything that it speaks is TCP: it knows no WebSocket. */
export class FaultProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #open = new Set<ProxiedConnection>();
  /** Of both sides. */
  readonly #sockets = new Set<Socket>();
  readonly #arrived = new Channel<ProxiedConnection>();
  #faults: Faults;

  private constructor(server: Server, { port, host = "127.0.0.1", faults = {}, clock = realTime }: FaultProxyOptions) {
    this.#server = server;
    this.#faults = faults;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (client) => {
      client.on("error", () => {});
      const upstream = connect({ port, host, allowHalfOpen: true, noDelay: true });
      for (const socket of [client, upstream]) {
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
      }
      upstream.once("error", () => resetSocket(client));
      upstream.once("connect", () => this.#join(client, upstream, clock));
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  static async listen(options: FaultProxyOptions): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new FaultProxy(server, options);
  }

  /** The next connection that nobody has taken yet. */
  nextConnection(timeoutMs?: number): Promise<ProxiedConnection> {
    return this.#arrived.next(timeoutMs);
  }

  /** The faults of all connections that are there, and of those that come. */
  set(faults: Faults): void {
    this.#faults = { ...this.#faults, ...faults };
    for (const connection of this.#open) connection.set(faults);
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, upstream: Socket, clock: Clock): void {
    const connection = new ProxiedConnection(client, upstream, clock);
    this.#open.add(connection);
    upstream.once("close", () => this.#open.delete(connection));
    connection.set(this.#faults);
    this.#arrived.push(connection);
    client.resume();
  }
}
