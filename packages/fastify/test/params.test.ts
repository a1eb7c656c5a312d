import type { AddressInfo } from "node:net";
import { WireClient } from "@upwire/testing";
import Fastify from "fastify";
import { expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/index.ts";
import * as plugin from "../src/websocket.ts";

const schema = { params: { type: "object", properties: { id: { type: "integer" }, "*": { type: "string" } } } } as const;

it.each([
  ["@upwire/fastify", attach, websocket],
  ["@upwire/fastify/websocket", plugin.attach, plugin.websocket],
] as const)("%s gives params as texts where a schema has made numbers of them", async (_entry, plugged, route) => {
  const app = Fastify();
  onTestFinished(() => app.close());
  await app.register(plugged);
  const handlers = route({ open: (connection, { params, native }) => connection.sendJson([params, native.params]) });
  if (typeof handlers === "function") app.get("/rooms/:id/*", { schema }, handlers);
  else app.get("/rooms/:id/*", { schema, ...handlers });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const client = await WireClient.connect({ port: (app.server.address() as AddressInfo).port, path: "/rooms/7/a/b" });
  expect(JSON.parse((await client.nextMessage()).text)).toEqual([
    { id: "7", "*": "a/b" },
    { id: 7, "*": "a/b" },
  ]);
  client.socket.destroy();
});
