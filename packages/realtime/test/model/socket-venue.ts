import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { attach, websocket, type Clock, type ConnectionHandler } from "@upwire/core";
import { FaultProxy } from "@upwire/testing";
import { SocketWire } from "./socket-wire.ts";
import { kindOf, topicNames } from "./topics.ts";
import type { Served, Venue, WireInit } from "./venue.ts";

/** However much time is to pass, it is not more than this. Milliseconds. */
const MOST_MS = 15;
/** Looks at the sockets in one turn. */
const LOOKS = 4;

/** A server on a port, with a bad network in front of it: connections break after any number of bytes, in either direction. */
export class SocketVenue implements Venue {
  readonly clock: Clock = realTime;
  /** Those whose truth needs no witness, which may be late here. */
  readonly topics: readonly string[] = topicNames.filter((topic) => kindOf(topic).history !== undefined);
  readonly #below: (limit: number) => number;

  constructor(below: (limit: number) => number) {
    this.#below = below;
  }

  async serve(handler: ConnectionHandler): Promise<Served> {
    const routes = new Map<string, ReturnType<typeof websocket>>();
    const server = createServer((req, res) => {
      const route = routes.get(new URL(req.url ?? "/", "http://localhost").pathname);
      if (route === undefined) res.writeHead(404).end();
      else void route(req, res);
    });
    const attachment = attach(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    const proxy = await FaultProxy.listen({ port: (server.address() as AddressInfo).port });
    const open = async ({ user, name, options }: WireInit): Promise<SocketWire> => {
      const path = `/${name}`;
      if (!routes.has(path)) routes.set(path, websocket(handler, options));
      return SocketWire.open(proxy, `${path}?user=${user}`, this.#below);
    };
    const close = async (): Promise<void> => {
      await proxy.close();
      void attachment.close();
      server.closeAllConnections();
      server.close();
    };
    return { open, close };
  }

  async turn(): Promise<void> {
    for (let look = 0; look < LOOKS; look++) await setImmediate();
  }

  async pass(ms: number, turn: () => Promise<void>): Promise<void> {
    for (const end = this.clock.now() + Math.min(ms, MOST_MS); this.clock.now() < end; await turn());
  }
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
