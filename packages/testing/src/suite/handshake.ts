import type { UpgradeRequest } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import type { Suite } from "./suite.ts";

/** RFC 6455 section 4: what a good handshake gets, and what the handler learns from it. */
export function handshakes(suite: Suite): void {
  suite.route("/hs/echo", { message: (connection, message) => void connection.send(message) });

  suite.it("answers 101 with one Upgrade, one Connection, and nothing about a body", async () => {
    const { status, answer } = await suite.connect("/hs/echo");
    expect(status).toBe(101);
    expect(answer.all("upgrade").map((value) => value.toLowerCase())).toEqual(["websocket"]);
    expect(answer.all("connection").map((value) => value.toLowerCase())).toEqual(["upgrade"]);
    expect(answer.all("sec-websocket-accept")).toHaveLength(1);
    for (const name of ["content-length", "transfer-encoding", "content-type", "keep-alive"]) expect(answer.all(name)).toEqual([]);
  });

  suite.it("computes the accept key of RFC 6455 section 1.3", async () => {
    const { answer } = await suite.connect("/hs/echo", { key: "dGhlIHNhbXBsZSBub25jZQ==" });
    expect(answer.header("sec-websocket-accept")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  suite.it("accepts lists in Upgrade and Connection, in any case", async () => {
    const client = await suite.connect("/hs/echo", { headers: { Upgrade: "other, WebSocket", Connection: "keep-alive, UPGRADE" } });
    expect(client.status).toBe(101);
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("hello");
  });

  suite.it("ignores extensions it does not know, and junk", async () => {
    for (const junk of ["x-unknown", 'x; y="z"; w', "permessage-foo; bar=1, , ,", "permessage-deflate; unknown=1"]) {
      const { status, answer } = await suite.connect("/hs/echo", { headers: { "Sec-WebSocket-Extensions": junk } });
      expect([junk, status]).toEqual([junk, 101]);
      expect(answer.header("sec-websocket-extensions")).toBeUndefined();
    }
  });

  suite.it("agrees to no compression unless it is switched on", async () => {
    const { answer } = await suite.connect("/hs/echo", { headers: { "Sec-WebSocket-Extensions": "permessage-deflate" } });
    expect([answer.status, answer.header("sec-websocket-extensions")]).toEqual([101, undefined]);
  });

  suite.it("confirms no subprotocol unless one is configured", async () => {
    const { answer } = await suite.connect("/hs/echo", { headers: { "Sec-WebSocket-Protocol": "v1, v2" } });
    expect([answer.status, answer.header("sec-websocket-protocol")]).toEqual([101, undefined]);
  });

  suite.route("/hs/subprotocols", { open: (connection) => void connection.send(connection.subprotocol) }, { subprotocols: ["v2", "v1"] });

  suite.it("picks the subprotocol that the server prefers", async () => {
    const client = await suite.connect("/hs/subprotocols", { headers: { "Sec-WebSocket-Protocol": "v1, v2" } });
    expect(client.answer.all("sec-websocket-protocol")).toEqual(["v2"]);
    expect((await client.nextMessage()).text).toBe("v2");
  });

  suite.it("reads the offered subprotocols from several lines", async () => {
    const client = await suite.connect("/hs/subprotocols", { headers: { "Sec-WebSocket-Protocol": ["other", "v1"] } });
    expect(client.answer.all("sec-websocket-protocol")).toEqual(["v1"]);
  });

  suite.it("opens without a subprotocol when it has none of the offered", async () => {
    const client = await suite.connect("/hs/subprotocols", { headers: { "Sec-WebSocket-Protocol": "v3" } });
    expect([client.status, client.answer.header("sec-websocket-protocol")]).toEqual([101, undefined]);
    expect((await client.nextMessage()).text).toBe("");
  });

  suite.route(
    "/hs/picked",
    { open: (connection) => void connection.send(connection.subprotocol) },
    { subprotocols: (offered, request) => offered.find((name) => name === request.query.get("want")) },
  );

  suite.it("lets a function pick the subprotocol", async () => {
    const client = await suite.connect("/hs/picked?want=b", { headers: { "Sec-WebSocket-Protocol": "a, b" } });
    expect(client.answer.all("sec-websocket-protocol")).toEqual(["b"]);
    expect((await client.nextMessage()).text).toBe("b");
  });

  const seen = new Channel<unknown>();
  suite.route("/hs/rooms/:id", {
    open: (connection, request) => {
      const { params, path, query, cookies, host, origin, headers } = request;
      const fromHeaders = headers["x-custom"];
      const kept = connection.request;
      seen.push({ id: params["id"], path, q: query.get("q"), cookie: cookies["c"], host, origin, fromHeaders, keptUrl: kept.url });
    },
  });

  suite.it("gives the handler params, path, query, cookies and headers", async () => {
    const host = `127.0.0.1:${suite.port}`;
    const headers = { Cookie: "c=3; d=4", Origin: `http://${host}`, "X-Custom": "yes" };
    await suite.connect("/hs/rooms/42?q=x%20y", { headers });
    expect(await seen.next()).toEqual({
      id: "42",
      path: "/hs/rooms/42",
      q: "x y",
      cookie: "3",
      host,
      origin: `http://${host}`,
      fromHeaders: "yes",
      keptUrl: "/hs/rooms/42?q=x%20y",
    });
  });

  suite.it("decodes params as the framework's router does", async () => {
    await suite.connect("/hs/rooms/a%20b");
    expect(await seen.next()).toMatchObject({ id: "a b" });
  });

  const opened = new Channel<{ readonly id: string; readonly remoteAddress: string; readonly fromRequest: string }>();
  suite.route("/hs/identity", {
    open: ({ id, remoteAddress }, request: UpgradeRequest) => opened.push({ id, remoteAddress, fromRequest: request.remoteAddress }),
  });

  suite.it("knows every connection by an id of its own and by its peer's address", async () => {
    const clients = [await suite.connect("/hs/identity"), await suite.connect("/hs/identity")];
    const connections = [await opened.next(), await opened.next()];
    const addresses = clients.map(({ socket }) => `127.0.0.1:${socket.localPort}`);
    expect(connections.map(({ remoteAddress }) => remoteAddress)).toEqual(addresses);
    expect(connections.map(({ fromRequest }) => fromRequest)).toEqual(addresses);
    expect(new Set(connections.map(({ id }) => id)).size).toBe(2);
  });
}
