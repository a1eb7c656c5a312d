import { once } from "node:events";
import { createServer, STATUS_CODES } from "node:http";
import type { AddressInfo } from "node:net";
import { WireClient } from "@upwire/testing";
import { expect, it, onTestFinished } from "vitest";
import type { RefusalStatus } from "../../src/adapter.ts";
import { attach, refuse, websocket } from "../../src/index.ts";

const statuses = Object.keys(STATUS_CODES)
  .map(Number)
  .filter((status) => status >= 400) as RefusalStatus[];

it.each(statuses)("refuses with %i, its name as the body unless another one is given", (status) => {
  expect(refuse(status)).toMatchObject({ status, code: status === 401 ? "ERR_UNAUTHORIZED" : "ERR_FORBIDDEN" });
  expect(refuse(status).body).toBe(status === 401 ? "Authentication is required.\n" : status === 403 ? "You may not connect.\n" : `${STATUS_CODES[status]}.\n`);
  expect(refuse(status, "no")).toMatchObject({ status, body: "no" });
});

it.each([
  [404, undefined, "Not Found.\n"],
  [429, { "retry-after": "30" }, "Too Many Requests.\n"],
  [503, { "retry-after": "5" }, "Service Unavailable.\n"],
] as const)("authorize answers the client with %i, and the hook and the counters hear of it", async (status, headers, body) => {
  const heard: unknown[] = [];
  const route = websocket(
    { open: () => {} },
    { authorize: () => refuse(status, undefined, headers), onReject: (refusal) => heard.push([refusal.status, refusal.code]) },
  );
  const server = createServer((req, res) => void route(req, res));
  const attachment = attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const client = await WireClient.connect({ port: (server.address() as AddressInfo).port });
  expect([client.status, client.body]).toEqual([status, body]);
  expect(client.answer.header("retry-after")).toBe(headers?.["retry-after"]);
  expect(client.answer.header("content-length")).toBe(String(body.length));
  expect(heard).toEqual([[status, "ERR_FORBIDDEN"]]);
  expect(attachment.stats.refused).toMatchObject({ ERR_FORBIDDEN: 1 });
});
