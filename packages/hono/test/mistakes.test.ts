import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { serve, type ServerType } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import { WireClient } from "@upwire/testing";
import { Hono } from "hono";
import { expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/index.ts";
import { attach as attachNodeWs, websocket as websocketNodeWs } from "../src/node-ws.ts";

const handler = { open: (): void => {} };

async function listen(app: Hono): Promise<{ readonly server: ServerType; readonly port: number }> {
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

it("tells app.request what to write instead", async () => {
  const app = new Hono();
  app.get("/ws", websocket(handler));
  app.get("/plugin", websocketNodeWs(createNodeWebSocket({ app }), handler));
  for (const path of ["/ws", "/plugin"]) {
    for (const headers of [{ upgrade: "websocket", connection: "Upgrade" }, {}] as Record<string, string>[]) {
      const answer = await app.request(path, { headers });
      expect([answer.status, answer.headers.get("upgrade"), await answer.text()]).toEqual([
        426,
        "websocket",
        expect.stringContaining("write connectTo(app, path), of @upwire/testing/connect"),
      ]);
    }
  }
});

it("says what attach wants in place of the application", () => {
  const app = new Hono();
  expect(() => attach(app as never)).toThrow("write attach(serve({ fetch: app.fetch");
  expect(() => attachNodeWs(app as never, createNodeWebSocket({ app }))).toThrow("write attach(serve({ fetch: app.fetch");
  expect(() => attachNodeWs({} as never, undefined as never)).toThrow("write attach(serve({ fetch: app.fetch }), nodeWs)");
  expect(() => websocketNodeWs(handler as never, handler)).toThrow('write app.get("/ws", websocket(nodeWs, handler))');
});

it("answers at once when websocket is not called", async () => {
  const app = new Hono();
  app.onError(({ message }, c) => c.text(message, 500));
  app.get("/ws", websocket as never);
  const { server, port } = await listen(app);
  attach(server);
  const client = await WireClient.connect({ port, path: "/ws" });
  expect([client.status, client.body]).toEqual([500, expect.stringContaining("write app.get(path, websocket(handler))")]);
});
