import type { Server } from "node:http";
import { createRequire } from "node:module";
import { attach } from "@upwire/core";
import { createClient } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { expectOurs, fakeClock, handshake, HANDSHAKE_MS, listen, passDeadline, serverWithOurs } from "./beside.ts";

// As Node loads it for graphql-ws: there may be only one copy, and an import in a test would be another.
const { GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString } = createRequire(import.meta.url)("graphql") as typeof import("graphql");

const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: "Query", fields: { hello: { type: GraphQLString, resolve: () => "world" } } }),
  subscription: new GraphQLObjectType({
    name: "Subscription",
    fields: {
      counted: {
        type: GraphQLInt,
        subscribe: async function* () {
          for (let counted = 1; counted <= 3; counted++) yield { counted };
        },
      },
    },
  }),
});

type Bind = (server: Server) => WebSocketServer;

/** As its documentation has it. */
const withPath: Bind = (server) => new WebSocketServer({ server, path: "/graphql" });

/** As `ws` advises for several servers on one port. */
const byHand: Bind = (server) => {
  const wss = new WebSocketServer({ noServer: true });
  server.on("upgrade", (req, socket, head) => {
    if (req.url === "/graphql") wss.handleUpgrade(req, socket, head, (ws) => wss.emit("connection", ws, req));
  });
  return wss;
};

const orders = ["attach before graphql-ws", "graphql-ws before attach"] as const;
const binds = [
  { name: "server and path", bind: withPath },
  { name: "noServer", bind: byHand },
] as const;

async function serve(order: (typeof orders)[number], bind: Bind) {
  const server = serverWithOurs();
  const clock = fakeClock();
  const attachUs = (): unknown => attach(server, { clock, handshakeTimeoutMs: HANDSHAKE_MS });
  if (order === "attach before graphql-ws") attachUs();
  const served = useServer({ schema }, bind(server));
  if (order === "graphql-ws before attach") attachUs();
  onTestFinished(() => served.dispose());
  return { port: await listen(server), clock };
}

describe.each(orders.flatMap((order) => binds.map((how) => ({ order, ...how }))))("graphql-ws by $name on the same server, $order", ({ order, bind }) => {
  it("answers queries and subscriptions, past every deadline of ours", async () => {
    const { port, clock } = await serve(order, bind);
    const client = createClient({ url: `ws://127.0.0.1:${port}/graphql`, webSocketImpl: WebSocket, lazy: false, retryAttempts: 0 });
    onTestFinished(() => client.dispose());
    const first = async (query: string): Promise<unknown> => {
      for await (const { data } of client.iterate({ query })) return data;
      return undefined;
    };
    expect(await first("{ hello }")).toEqual({ hello: "world" });
    await passDeadline(clock);
    const counted: unknown[] = [];
    for await (const { data } of client.iterate({ query: "subscription { counted }" })) counted.push(data?.["counted"]);
    expect(counted).toEqual([1, 2, 3]);
  });
});

describe.each(orders)("our route beside graphql-ws, %s", (order) => {
  it("is served where graphql-ws looks at the path by hand", async () => {
    const { port } = await serve(order, byHand);
    await expectOurs(port);
  });

  // With `server` and `path`, `ws` answers 400 to every handshake for another path, whoever else listens.
  it("gets nothing of ours behind the 400 of ws where that has server and path", async () => {
    const { port, clock } = await serve(order, withPath);
    const client = await handshake(port, "/ours");
    expect(client.status).toBe(400);
    await passDeadline(clock);
    await client.closed;
  });
});
