import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WireClient } from "@upwire/testing";
import express from "express";
import { expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/index.ts";

it("gives a wildcard as one text, and Express's own list on native", async () => {
  const app = express();
  app.get("/:who/files/*path", websocket({ open: (connection, { params, native }) => connection.sendJson([params, native.params["path"]]) }));
  const server = app.listen(0, "127.0.0.1");
  attach(server);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const client = await WireClient.connect({ port: (server.address() as AddressInfo).port, path: "/ada/files/a/b%20c/d.txt" });
  expect(JSON.parse((await client.nextMessage()).text)).toEqual([{ who: "ada", path: "a/b c/d.txt" }, ["a", "b c", "d.txt"]]);
  client.socket.destroy();
});
