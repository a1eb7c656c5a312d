import { EventEmitter, once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ConnectionHandler, UpgraderOptions } from "@upwire/core";
import { afterAll, beforeAll, it, onTestFinished } from "vitest";
import type { AdapterRoute, AdapterSetup, Capabilities, Capability, RunningServer } from "../adapter-setup.ts";
import { FaultProxy } from "../faults/fault-proxy.ts";
import { WireClient, type WireClientOptions } from "../wire-client.ts";

type Build = (setup: AdapterSetup) => Promise<RunningServer>;
/** The port is the server's unless set. */
type ClientInit = Omit<WireClientOptions, "port" | "path"> & { readonly port?: number };

const everything: Capabilities = {
  sessionOn101: true,
  fullRefusals: true,
  responseLife: true,
};

const SOCKET_CLOSED = Symbol("a socket of the server closed");

/** A server of one test alone. */
export interface OwnServer extends RunningServer {
  readonly port: number;
  readonly connect: (path: string, init?: ClientInit) => Promise<WireClient>;
}

/** What the behaviours share: one server with all of their routes, and clients that are judged and cleaned up. */
export class Suite {
  /** What the routes' `onError` got since the test began. */
  readonly errors: unknown[] = [];
  readonly #build: Build;
  readonly #capabilities: Capabilities;
  readonly #routes: AdapterRoute[] = [];
  readonly #requests = new EventEmitter();
  /** Of this test. */
  readonly #clients: WireClient[] = [];
  /** Sockets of the shared server. */
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(build: Build, capabilities: Partial<Capabilities>) {
    this.#build = build;
    this.#capabilities = { ...everything, ...capabilities };
  }

  get port(): number {
    return this.#port;
  }

  /** Once all behaviours are declared: starts the shared server for them. */
  serveAll(): void {
    let running: RunningServer | undefined;
    beforeAll(async () => {
      running = await this.#start({ routes: this.#routes });
      running.server.on("connection", (socket: Socket) => {
        this.#sockets.add(socket);
        socket.once("close", () => {
          this.#sockets.delete(socket);
          this.#requests.emit(SOCKET_CLOSED);
        });
      });
      this.#port = portOf(running);
    });
    afterAll(async () => {
      await running?.close();
    });
  }

  /** Declares a route of the shared server; its path must be its own. */
  route<Context>(path: string, handler: ConnectionHandler<Context>, options: UpgraderOptions<Context> = {}): void {
    if (this.#routes.some((route) => route.path === path)) throw new Error(`two behaviours want ${path}`);
    this.#routes.push(this.#reporting({ path, handler: handler as ConnectionHandler, options }));
  }

  /** Declares a behaviour. */
  it(title: string, behaviour: () => Promise<void>, timeoutMs?: number): void {
    this.#declare(title, true, behaviour, timeoutMs);
  }

  /** Declares a behaviour that an adapter may lack; it is then skipped, under the reason. */
  itIf(needed: keyof Capabilities, title: string, behaviour: () => Promise<void>): void {
    this.#declare(title, this.#capabilities[needed], behaviour);
  }

  /** Starts a server for this test alone. */
  async serve(path: string, handler: ConnectionHandler, options: UpgraderOptions = {}, attachOptions: AdapterSetup["attachOptions"] = {}): Promise<OwnServer> {
    return this.start({ routes: [{ path, handler, options }], attachOptions });
  }

  /** The same for more than one route, or for a server of another kind. */
  async start(setup: Pick<AdapterSetup, "routes"> & Partial<AdapterSetup>): Promise<OwnServer> {
    const running = await this.#start({ ...setup, routes: setup.routes.map((route) => this.#reporting(route)) });
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= running.close());
    onTestFinished(close);
    const port = portOf(running);
    return { ...running, close, port, connect: (to, init) => this.#client({ ...init, port, path: to }) };
  }

  /** A client of the shared server that has its answer. */
  connect(path: string, init: ClientInit = {}): Promise<WireClient> {
    return this.#client({ port: this.#port, ...init, path });
  }

  /** A client that waits for no answer. */
  open(path: string, init: ClientInit = {}): Promise<WireClient> {
    return this.#tracked({ port: this.#port, ...init, path });
  }

  /** Calls `middleware` with each request for `path` before anything else gets it, on the shared server and on others. */
  use(path: string, middleware: (req: IncomingMessage, res: ServerResponse | undefined) => void): void {
    this.#requests.on(path, middleware);
  }

  /** Settles when middleware sees the next request for `path`. Call it before that request is sent. */
  async nextRequest(path: string): Promise<void> {
    await once(this.#requests, path, { signal: AbortSignal.timeout(3000) });
  }

  /** Proves that the server serves on. */
  async expectAlive(): Promise<void> {
    const client = await this.connect("/alive");
    client.sendText("alive?");
    const { text } = await client.nextMessage();
    if (text !== "alive?") throw new Error(`the echo came back as ${JSON.stringify(text)}`);
  }

  /** Declares what a bad network does. Afterwards the server must serve on, and hold no socket that is of no use any more. */
  fault(title: string, behaviour: (proxy: FaultProxy) => Promise<void>): void {
    this.it(title, async () => {
      const proxy = await FaultProxy.listen({ port: this.#port });
      onTestFinished(() => proxy.close());
      await behaviour(proxy);
      await this.expectAlive();
      for (const client of this.#clients.splice(0)) client.socket.destroy();
      await proxy.close();
      while (this.#sockets.size > 0) await once(this.#requests, SOCKET_CLOSED, { signal: AbortSignal.timeout(3000) });
    });
  }

  #declare(title: string, capability: Capability, behaviour: () => Promise<void>, timeoutMs?: number): void {
    const name = capability === true ? title : `${title} (cannot: ${capability})`;
    const alone = (): Promise<void> => {
      this.errors.length = 0;
      this.#clients.length = 0;
      return behaviour();
    };
    // oxlint-disable-next-line vitest/valid-title -- a suite that is a library gets its titles as arguments
    it.skipIf(capability !== true)(name, alone, timeoutMs);
  }

  async #client(options: WireClientOptions): Promise<WireClient> {
    const client = await this.#tracked(options);
    await client.answered;
    return client;
  }

  async #tracked(options: WireClientOptions): Promise<WireClient> {
    const client = await WireClient.open(options);
    this.#clients.push(client);
    onTestFinished(() => {
      client.socket.destroy();
      if (client.violations.length > 0) throw new Error(`the server broke RFC 6455: ${client.violations.join(", ")}`);
    });
    return client;
  }

  #reporting(route: AdapterRoute): AdapterRoute {
    // A route has at least one hook; some behaviours need none.
    const handler = Object.keys(route.handler).length > 0 ? route.handler : { open: () => {} };
    return { ...route, handler, options: { onError: (error) => this.errors.push(error), ...route.options } };
  }

  #start(setup: Pick<AdapterSetup, "routes"> & Partial<AdapterSetup>): Promise<RunningServer> {
    return this.#build({ onRequest: (path, req, res) => void this.#requests.emit(path, req, res), attachOptions: {}, pages: [], ...setup });
  }
}

function portOf({ server }: RunningServer): number {
  return (server.address() as AddressInfo).port;
}
