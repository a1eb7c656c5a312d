import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { attach, websocket } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { expect, it, onTestFinished } from "vitest";

type Head = Parameters<ServerResponse["writeHead"]>;

const cookies = ["a=1", "b=2"];
const given: Readonly<Record<string, (status: number) => readonly unknown[]>> = {
  "an object": (status) => [status, { "X-One": "1", "X-None": undefined, "Set-Cookie": cookies }],
  "a text and an object": (status) => [status, "As It Were", { "X-One": "1", "Set-Cookie": cookies }],
  "names and values in turn": (status) => [status, ["X-One", "1", "Set-Cookie", "a=1", "Set-Cookie", "b=2"]],
  "a text, and names and values": (status) => [status, "As It Were", ["X-One", "1", "Set-Cookie", cookies]],
};

it.each(Object.entries(given))("puts on the 101 what middleware gives writeHead as %s", async (_title, head) => {
  const route = websocket({ message: () => {} });
  const server = createServer((req, res) => {
    const writeHead = res.writeHead.bind(res);
    res.writeHead = (status: number) => writeHead(...(head(status) as Head));
    void route(req, res);
  });
  const attachment = attach(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    await attachment.close({ graceMs: 100 });
    server.close();
  });
  const client = await WireClient.connect({ port: (server.address() as AddressInfo).port });
  expect([client.status, client.answer.header("x-one"), client.answer.cookies]).toEqual([101, "1", cookies]);
  expect(client.answer.header("x-none")).toBe(undefined);
  expect(client.violations).toEqual([]);
});
