import { setImmediate as turn } from "node:timers/promises";
import { Casts } from "@upwire/cluster/casts";
import type { TransportPeer } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { collected, held } from "../../core/test/helpers/held-memory.ts";
import { AudienceOfAll } from "../src/hub/cluster-audience.ts";
import { ConnectionOfAny } from "../src/hub/cluster-connection.ts";
import type { TestNode } from "./casts/cluster.ts";
import { HubCluster, type HubNode } from "./hub/hub-nodes.ts";

const CALLS = 3000;
/** An entry of a map takes 50, and what is made while the program gets warm is not of one call. */
const MOST_BYTES = 40 * CALLS;
/** Of what asks other nodes, which takes longer; what stayed of a question would be more than 500 bytes. */
const FEW_CALLS = 600;
const MOST_BYTES_OF_FEW = 350 * FEW_CALLS;
const asking = ["ask", "close", "size", "list", "send"];
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

  const cells = all.flatMap(([name, , rows]) =>
    Object.entries(rows).map(([method, call]) => {
      const sizes = asking.includes(method) ? ([FEW_CALLS, MOST_BYTES_OF_FEW] as const) : ([CALLS, MOST_BYTES] as const);
      return [`${name}.${method}`, call, ...sizes] as const;
    }),
  );

  it.each(cells)("%s", { timeout: 20_000 }, async (_name, call, calls, mostBytes) => {
    const cluster = new HubCluster();
    const setup = await open(cluster);
    const callAll = async (times: number): Promise<void> => {
      for (let number = 0; number < times; number += AT_ONCE) {
        await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => call(setup, number + n)));
        for (const { heard, asked } of [setup.first, setup.second]) heard.length = asked.length = 0;
        setup.peer.written.length = 0;
        cluster.clock.advance(2500);
        await turn();
      }
    };
    await callAll(calls);
    const before = await held();
    await callAll(calls);
    let left = Infinity;
    for (let round = 0; round < 3 && left >= mostBytes; round++) left = (await collected()) - before;
    expect(left).toBeLessThan(mostBytes);
    expect(setup.first.casts.stats).toMatchObject({ pending: 0, asking: 0 });
  });
});
