import { setImmediate as turn } from "node:timers/promises";
import { Casts } from "@upwire/cluster/casts";
import type { TransportPeer } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { collected, held } from "../../core/test/helpers/held-memory.ts";
import { AudienceOfAll } from "../src/hub/cluster-audience.ts";
import { ConnectionOfAny } from "../src/hub/cluster-connection.ts";
import type { TestNode } from "./casts/cluster.ts";
import { HubCluster, type HubNode } from "./hub/hub-nodes.ts";

const CALLS = 1500;
/** Of what asks other nodes, and takes longer. */
const FEW_CALLS = 300;
const asking = ["ask", "close", "size", "list", "send"];
/** What stayed of one call of one method would be more: an address takes 200 bytes, a question 500. */
const MOST_BYTES = 130_000;
/** What is told of in one go; then time passes, so that what waits for it is over. */
const AT_ONCE = 300;

interface Setup {
  /** Two nodes with hubs, the second one with a client in the room "tea" that belongs to "u1". */
  readonly one: HubNode;
  readonly two: HubNode;
  /** Two nodes with casts alone, on the same brokers; both have joined "tea". */
  readonly first: TestNode;
  readonly second: TestNode;
  readonly connection: ConnectionOfAny<unknown>;
  readonly peer: TransportPeer;
}

type Rows = Readonly<Record<string, (setup: Setup, turn: number) => unknown>>;

const ofCasts: Rows = {
  join: ({ first }, number) => first.casts.join(`a${number % 100}`),
  leave({ first }, number) {
    first.casts.join(`a${number}`);
    first.casts.leave(`a${number}`);
  },
  cast: ({ first }) => first.casts.cast("tea", "hello"),
  ask: ({ first }) => first.casts.ask(undefined, "who?"),
};

const ofAudience: Rows = {
  broadcast: ({ one }, number) => one.all.room(number % 2 === 0 ? "tea" : `room ${number}`).broadcast("hello"),
  close: ({ one }, number) => one.all.user(`user ${number}`).close(),
  size: ({ one }) => one.all.room("tea").size(),
  list: ({ one }) => one.all.user("u1").list(),
};

const ofConnection: Rows = {
  send: ({ connection }) => connection.send("hello"),
  close: ({ one }) => one.all.get("of nobody"),
};

/** What takes nothing, and what is called once. */
const others = ["node", "others", "stats", "start", "id", "userId", "rooms", "remoteAddress"];

const all: readonly (readonly [string, object, Rows])[] = [
  ["casts", Casts.prototype, ofCasts],
  ["an audience", AudienceOfAll.prototype, ofAudience],
  ["a connection", ConnectionOfAny.prototype, ofConnection],
];

async function open(cluster: HubCluster): Promise<Setup> {
  const [one, two] = await cluster.hubNodes(2);
  const { connection, peer } = await two.client({ rooms: ["tea"], user: "u1" });
  const [first, second] = await cluster.nodes(2);
  first.took = second.took = 1;
  await cluster.join("tea", first, second);
  const found = await one.all.get(connection.id);
  return { one, two, first, second, connection: found.connection as ConnectionOfAny<unknown>, peer };
}

describe("thousands of calls leave nothing on a node that stays:", () => {
  it.each(all)("every method of %s has a row", (_name, prototype, rows) => {
    const methods = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor" && !others.includes(name));
    expect([...Object.keys(rows), ...(prototype === Casts.prototype ? ["close"] : [])].toSorted()).toEqual(methods.toSorted());
  });

  it("every method, thousands of times", { timeout: 30_000 }, async () => {
    const cluster = new HubCluster();
    const setup = await open(cluster);
    const callAll = async (): Promise<void> => {
      for (const [method, call] of all.flatMap(([, , rows]) => Object.entries(rows))) {
        for (let number = 0; number < (asking.includes(method) ? FEW_CALLS : CALLS); number += AT_ONCE) {
          await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => call(setup, number + n)));
          for (const { heard, asked } of [setup.first, setup.second]) heard.length = asked.length = 0;
          setup.peer.written.length = 0;
          cluster.clock.advance(2500);
          await turn();
        }
      }
    };
    // What is made while the program gets warm is not of one call.
    for (let round = 0; round < 2; round++) await callAll();
    const before = await held();
    await callAll();
    let left = Infinity;
    for (let round = 0; round < 3 && left >= MOST_BYTES; round++) left = (await collected()) - before;
    expect(left).toBeLessThan(MOST_BYTES);
    expect(setup.first.casts.stats).toMatchObject({ pending: 0, asking: 0 });
    expect(setup.one.all.stats).toMatchObject({ pending: 0, asking: 0, addresses: 0 });
  });
});
