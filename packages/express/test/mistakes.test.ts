import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WireClient } from "@upwire/testing";
import express, { type ErrorRequestHandler } from "express";
import { expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/index.ts";

it("says what attach wants in place of the application", () => {
  expect(() => attach(express() as never)).toThrow("this is an Express application: write attach(app.listen(8080))");
});

it("answers at once when websocket is not called", async () => {
  const app = express();
  const failed: ErrorRequestHandler = (error, _req, res, _next) => void res.status(500).send((error as Error).message);
  app.get("/ws", websocket as never);
  app.use(failed);
  const server = createServer(app);
  attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const client = await WireClient.connect({ port: (server.address() as AddressInfo).port, path: "/ws" });
  expect([client.status, client.body]).toEqual([500, expect.stringContaining("write app.get(path, websocket(handler))")]);
});
