import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import { defineHandler } from "@upwire/core";
import { Hono } from "hono";
import { hc } from "hono/client";
import { WebSocket } from "ws";
import { describe, expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/index.ts";
import { attach as attachNodeWs, websocket as websocketNodeWs } from "../src/node-ws.ts";

const room = defineHandler({ open: (connection, { params }) => connection.send(`welcome to ${params["room"]}`) });

/** A client with a WebSocket of its own: Node 20 has none. */
const clientOptions = {
  webSocket: (...[url, protocols]: ConstructorParameters<typeof globalThis.WebSocket>) => new WebSocket(url, protocols) as unknown as globalThis.WebSocket,
};

async function firstText(socket: unknown): Promise<string> {
  const client = socket as WebSocket;
  onTestFinished(() => client.terminate());
  const [data] = (await once(client, "message")) as [Buffer];
  return data.toString();
}

async function portOf(server: ReturnType<typeof serve>): Promise<number> {
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

describe("Hono's RPC client", () => {
  it("opens a WebSocket on a route by its path and its params", async () => {
    const app = new Hono().get("/time", (c) => c.json({ now: 1 })).get("/rooms/:room", websocket(room));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    attach(server);
    const client = hc<typeof app>(`http://127.0.0.1:${await portOf(server)}`, clientOptions);
    expect(await firstText(client.rooms[":room"].$ws({ param: { room: "tea" } }))).toBe("welcome to tea");
    expect(await (await client.time.$get()).json()).toEqual({ now: 1 });
  });

  it("does so beside @hono/node-ws", async () => {
    const base = new Hono();
    const nodeWs = createNodeWebSocket({ app: base });
    const app = base.get("/rooms/:room", websocketNodeWs(nodeWs, room));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    attachNodeWs(server, nodeWs);
    const client = hc<typeof app>(`http://127.0.0.1:${await portOf(server)}`, clientOptions);
    expect(await firstText(client.rooms[":room"].$ws({ param: { room: "tea" } }))).toBe("welcome to tea");
  });
});
