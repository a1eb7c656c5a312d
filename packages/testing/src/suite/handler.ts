import { defineHandler, type Connection } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import type { Suite } from "./suite.ts";

/** What a handler says beside its hooks: the options that it brings, how much it does at once, and its goodbye. */
export function handlers(suite: Suite): void {
  const user = defineHandler({
    options: {
      authorize: (request) => ({ name: request.query.get("name") }),
      subprotocols: ["v2", "v1"],
      maxMessageBytes: 100,
    },
    message: (connection, message) => connection.send(`${connection.context.name} ${connection.subprotocol} ${message.text()}`),
  });
  suite.route("/handler/brings", user);
  suite.route("/handler/own", user, { subprotocols: ["v1"], maxMessageBytes: 10 });

  suite.it("takes the options that a handler brings", async () => {
    const client = await suite.connect("/handler/brings?name=ada", { headers: { "Sec-WebSocket-Protocol": "v1, v2" } });
    client.sendText("hello, all of you");
    expect((await client.nextMessage()).text).toBe("ada v2 hello, all of you");
    client.sendText("x".repeat(101));
    expect((await client.closed).code).toBe(1009);
  });

  suite.it("takes those of the route first, one by one", async () => {
    const client = await suite.connect("/handler/own?name=ada", { headers: { "Sec-WebSocket-Protocol": "v1, v2" } });
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("ada v1 hello");
    client.sendText("x".repeat(11));
    expect((await client.closed).code).toBe(1009);
  });

  const began = new Channel<string>();
  const settle: (() => void)[] = [];
  suite.route("/handler/concurrency", {
    concurrency: 2,
    async message(connection, message) {
      began.push(message.text());
      await new Promise<void>((resolve) => settle.push(resolve));
      connection.send(`done ${message.text()}`);
    },
  });
  suite.it("has no more of one client's messages under way than the handler's concurrency", async () => {
    const client = await suite.connect("/handler/concurrency");
    for (const text of ["1", "2", "3", "4"]) client.sendText(text);
    expect([await began.next(), await began.next()]).toEqual(["1", "2"]);
    await suite.expectAlive();
    expect(began.size).toBe(0);
    for (const [settled, next] of [
      ["1", "3"],
      ["2", "4"],
    ]) {
      settle.shift()?.();
      expect((await client.nextMessage()).text).toBe(`done ${settled}`);
      expect(await began.next()).toBe(next);
    }
    for (const one of settle) one();
  });

  const opens = new Channel<Connection>();
  const got = new Channel<string>();
  suite.route("/handler/pause", { open: (connection) => opens.push(connection), message: (_connection, message) => got.push(message.text()) });
  suite.it("reads a client no further between pause and resume", async () => {
    const client = await suite.connect("/handler/pause");
    const connection = await opens.next();
    connection.pause();
    client.sendText("1");
    client.sendText("2");
    connection.send("still sending");
    expect((await client.nextMessage()).text).toBe("still sending");
    await suite.expectAlive();
    expect(got.size).toBe(0);
    connection.resume();
    expect([await got.next(), await got.next()]).toEqual(["1", "2"]);
  });

  suite.it("tells `leaving` when the server is closed in the framework's own manner, once and before the close frame", async () => {
    const told: unknown[] = [];
    const server = await suite.serve("/ws", {
      leaving(connection, notice) {
        told.push(notice);
        connection.send("goodbye");
      },
    });
    const client = await server.connect("/ws");
    await server.close();
    expect((await client.nextMessage()).text).toBe("goodbye");
    expect((await client.closed).code).toBe(1001);
    expect(told).toEqual([{ code: 1001, retryAfterMs: undefined }]);
  });

  suite.it("counts what the upgraders of its routes count, in the stats of the server", async () => {
    const closes = new Channel<number>();
    const echo = defineHandler({ message: (connection, message) => connection.send(message), close: (_connection, { code }) => closes.push(code) });
    const server = await suite.start({
      routes: [
        { path: "/one", handler: echo, options: {} },
        { path: "/two", handler: echo, options: { authorize: () => false } },
      ],
    });
    const client = await server.connect("/one");
    client.sendText("12345");
    await client.nextMessage();
    expect((await server.connect("/two")).status).toBe(403);
    expect(server.attachment.stats).toMatchObject({ opened: 1, open: 1, messagesIn: 1, bytesIn: 5, queuedBytes: 0, refused: { ERR_FORBIDDEN: 1 } });
    void client.close(1000);
    expect(await closes.next()).toBe(1000);
    expect(server.attachment.stats).toMatchObject({ opened: 1, open: 0 });
  });
}
