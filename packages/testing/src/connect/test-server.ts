import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Server as TlsServer } from "node:tls";
import { attach } from "@upwire/core";
import { isAttached, skipLoopbackWarning } from "@upwire/core/adapter";
import { serverOf, type TestableApp, type TestableServer } from "./app.ts";

/** On the application: what serves it to its test clients. Two copies of this package share it. */
const serverKey: unique symbol = Symbol.for("upwire/1/test-server") as never;

/** Where a server listens. */
export interface Place {
  readonly scheme: "ws" | "wss";
  /** Host and port, as they stand in a URL. */
  readonly authority: string;
}

/** The server of one application, which listens while a client of it is there. */
export class TestServer {
  readonly #app: TestableApp;
  #clients = 0;
  #place: Promise<Place> | undefined;
  #stop: () => Promise<void> = async () => {};
  /** The end of what served the clients before. */
  #stopped: Promise<void> = Promise.resolve();

  constructor(app: TestableApp) {
    this.#app = app;
  }

  /** The one of `app`, for all of its clients. */
  static of(app: TestableApp): TestServer {
    const holder = app as { [serverKey]?: TestServer } | null | undefined;
    // Of what is no object, or frozen, nothing can be kept: each client then has a server of its own.
    if (holder === null || holder === undefined || !Object.isExtensible(holder)) return new TestServer(app);
    const known = holder[serverKey];
    if (known !== undefined) return known;
    const made = new TestServer(app);
    Object.defineProperty(holder, serverKey, { value: made, configurable: true });
    return made;
  }

  /** Listens, if it does not yet, until as many `release` have come. */
  async acquire(): Promise<Place> {
    this.#clients++;
    this.#place ??= this.#start(this.#stopped);
    try {
      return await this.#place;
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  /** One client less. Settles behind the last one when the server is closed, else at once. */
  async release(): Promise<void> {
    if (--this.#clients > 0) return;
    this.#place = undefined;
    const stop = this.#stop;
    this.#stop = async () => {};
    this.#stopped = stop();
    await this.#stopped;
  }

  async #start(before: Promise<void>): Promise<Place> {
    await before;
    const server = await serverOf(this.#app);
    const attachment = isAttached(server) ? undefined : attach(server);
    const isOurs = !server.listening;
    this.#stop = async () => {
      if (isOurs) await closeServer(server);
      // A server of the application may be attached by the application itself later on.
      attachment?.detach();
    };
    if (isOurs) skipLoopbackWarning(server);
    if (isOurs) await once(server.listen(0, "127.0.0.1"), "listening");
    return placeOf(server);
  }
}

function placeOf(server: TestableServer): Place {
  const scheme = server instanceof TlsServer ? "wss" : "ws";
  const { address, family, port } = inetAddress(server);
  // Every address of the machine: loopback is one of them.
  if (address === "::" || address === "0.0.0.0") return { scheme, authority: `127.0.0.1:${port}` };
  return { scheme, authority: family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}` };
}

function inetAddress(server: TestableServer): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error(`connectTo: the server listens on ${address ?? "nothing"}; give one that listens on a port, or does not listen yet`);
  return address;
}

/** Closes it, and the connections that are no WebSockets. One that a test has closed by itself is closed. */
async function closeServer(server: TestableServer): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}
