import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WireClient } from "@upwire/testing";
import Koa from "koa";
import { expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/index.ts";

it("says what attach wants in place of the application", () => {
  expect(() => attach(new Koa() as never)).toThrow("this is a Koa application: write attach(app.listen(8080))");
});

it("answers at once when websocket is not called", async () => {
  const app = new Koa();
  const told = once(app, "error");
  app.use(websocket as never);
  const answer = app.callback();
  const server = createServer((req, res) => void answer(req, res));
  attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const client = await WireClient.connect({ port: (server.address() as AddressInfo).port, path: "/ws" });
  expect(client.status).toBe(500);
  expect(await told).toMatchObject([{ message: expect.stringContaining("write app.get(path, websocket(handler))") as string }, expect.anything()]);
});
