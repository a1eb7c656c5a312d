import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { attach, websocket } from "@upwire/core";
import { runServerVectors, vectorApplication } from "@upwire/testing/vectors";
import { expect, it } from "vitest";
import { WebSocket } from "ws";

it("passes every vector of upwire.v1 for servers", async () => {
  const application = vectorApplication();
  const route = websocket(application.handler, { onError: () => {} });
  const server = createServer((req, res) => void route(req, res));
  const attachment = attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const results = await runServerVectors({
    connect: (protocols) => new WebSocket(`ws://127.0.0.1:${port}/`, protocols),
    act: (action) => application.act(action),
  });
  await attachment.close({ graceMs: 0 });
  server.close();
  expect(results.filter(({ fault }) => fault !== undefined)).toEqual([]);
  expect(results.length).toBeGreaterThan(60);
}, 30_000);
