import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createNodeWebSocket } from "@hono/node-ws";
import { WireClient } from "@upwire/testing";
import { Hono } from "hono";
import { serve } from "node-server-1";
import { expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/node-ws.ts";

it("serves a route of the plugin's own beside one of ours, each with its own limit", async () => {
  const app = new Hono();
  const nodeWs = createNodeWebSocket({ app });
  app.get(
    "/own",
    nodeWs.upgradeWebSocket(() => ({ onMessage: ({ data }, ws) => ws.send(data as string) })),
  );
  app.get("/ours", websocket(nodeWs, { message: (connection, message) => void connection.send(message) }));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
  const attachment = attach(server, nodeWs, { options: { maxPayload: 100 } });
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const own = await WireClient.connect({ port, path: "/own" });
  const ours = await WireClient.connect({ port, path: "/ours" });
  expect([nodeWs.wss.clients.size, attachment.count]).toEqual([1, 1]);
  const text = "x".repeat(101);
  for (const client of [own, ours]) {
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("hello");
    client.sendText(text);
  }
  expect((await ours.nextMessage()).text).toBe(text);
  expect([(await own.closed).code, nodeWs.wss.clients.size]).toEqual([1009, 0]);
  ours.reset();
});

it("answers whole where middleware makes the body longer", async () => {
  const app = new Hono();
  const nodeWs = createNodeWebSocket({ app });
  app.use(async (c, next) => {
    await next();
    c.res = new Response(`${await c.res.text()} and more`, c.res);
  });
  app.get("/ours", websocket(nodeWs, { message: () => {} }));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
  attach(server, nodeWs);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const answer = await fetch(`http://127.0.0.1:${port}/ours`, { headers: { accept: "application/vnd.upwire.check+json" } });
  expect(await answer.text()).toBe('{"ok":true} and more');
});
