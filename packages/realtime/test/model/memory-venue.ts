import { setImmediate } from "node:timers/promises";
import { Upgrader, type ConnectionHandler } from "@upwire/core";
import { FakeClock, openInMemory } from "@upwire/testing";
import { MemoryWire } from "./memory-wire.ts";
import { topicNames } from "./topics.ts";
import type { Served, Venue, WireInit } from "./venue.ts";

/** The shortest time that passes at once: what a busy event loop does not see either. Milliseconds. */
const TICK_MS = 10;

/** No socket, and a clock that stands still unless it is told to go: what happens follows from the seed alone. */
export class MemoryVenue implements Venue {
  readonly clock = new FakeClock();
  readonly topics: readonly string[] = topicNames;

  async serve(handler: ConnectionHandler): Promise<Served> {
    const upgraders = new Map<string, Upgrader>();
    const open = async ({ user, name, options, highWaterMark }: WireInit): Promise<MemoryWire> => {
      const upgrader = upgraders.get(name) ?? Upgrader.forRoute(handler, options);
      upgraders.set(name, upgrader);
      const headers = { "sec-websocket-protocol": "upwire.v1" };
      const { peer, connection } = await openInMemory(upgrader, handler as ConnectionHandler<unknown, never>, {
        url: `/?user=${user}`,
        headers,
        highWaterMark,
      });
      return new MemoryWire(peer, connection);
    };
    return { open, close: async () => {} };
  }

  async turn(): Promise<void> {
    await setImmediate();
    // What the first turn has queued is written at the end of it, before anybody reads.
    await setImmediate();
  }

  async pass(ms: number, turn: () => Promise<void>): Promise<void> {
    const { clock } = this;
    for (const end = clock.now() + ms; clock.now() < end; await turn()) {
      const now = clock.now();
      clock.advance(Math.min(end - now, Math.max(TICK_MS, clock.nextAt - now)));
    }
  }
}
