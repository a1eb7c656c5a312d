import { setImmediate, setTimeout as delay } from "node:timers/promises";
import type { CloseInfo, Connection } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { encodeClientFrame, Opcode } from "../client-frame.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

const CHUNK_BYTES = 64 * 1024;

/** Networks fail and clients vanish, at every moment. */
export function faults(suite: Suite): void {
  /** On a busy machine a reset may be seen only after the upgrade: then its connection has to end. */
  async function onlyOneStays(opens: Channel<Connection>, client: WireClient): Promise<void> {
    for (;;) {
      const connection = await opens.next();
      if (connection.remoteAddress === `127.0.0.1:${client.socket.localPort}`) break;
      expect((await connection.closed).code).toBe(1006);
    }
    expect(opens.size).toBe(0);
  }

  const slowOpens = new Channel<Connection>();
  suite.route("/slow/reset", { open: (connection) => slowOpens.push(connection) });
  suite.it("survives a reset during async middleware", async () => {
    const entered = suite.nextRequest("/slow/reset");
    const client = await suite.open("/slow/reset");
    await entered;
    client.reset();
    // Its own 50 ms begin later, so the first has been dealt with when it is answered.
    const next = await suite.connect("/slow/reset");
    expect(next.status).toBe(101);
    await onlyOneStays(slowOpens, next);
  });

  const opens = new Channel<Connection>();
  const authorizing = new Channel<string>();
  suite.route(
    "/fault/reset",
    { open: (connection) => opens.push(connection) },
    {
      authorize: async () => {
        authorizing.push("begun");
        await delay(50);
      },
    },
  );
  suite.it("survives a reset during an async authorize", async () => {
    const client = await suite.open("/fault/reset");
    await authorizing.next();
    client.reset();
    const next = await suite.connect("/fault/reset");
    expect(next.status).toBe(101);
    await onlyOneStays(opens, next);
  });

  suite.it("survives a client that ends its side during an async authorize", async () => {
    while (authorizing.size > 0) await authorizing.next();
    const client = await suite.open("/fault/reset");
    await authorizing.next();
    client.end();
    await client.closed;
    await suite.expectAlive();
  });

  suite.it("survives a reset right behind the handshake", async () => {
    for (let round = 0; round < 10; round++) {
      const client = await suite.open("/alive");
      client.reset();
    }
    await suite.expectAlive();
  });

  const closes = new Channel<CloseInfo>();
  suite.route("/fault/watched", { close: (_connection, info) => closes.push(info) });
  suite.it("reports a reset once, as 1006", async () => {
    const client = await suite.connect("/fault/watched");
    client.reset();
    expect(await closes.next()).toMatchObject({ code: 1006, wasClean: false });
    await suite.expectAlive();
    expect(closes.size).toBe(0);
  });

  suite.it("reports the end of TCP without a close frame as 1006", async () => {
    const client = await suite.connect("/fault/watched");
    client.end();
    expect(await closes.next()).toMatchObject({ code: 1006, wasClean: false });
    await client.closed;
  });

  const received = new Channel<string>();
  suite.route("/fault/unfinished", {
    message: (_connection, message) => received.push(message.text()),
    close: (_connection, info) => closes.push(info),
  });
  suite.it("drops a message that is unfinished when TCP ends", async () => {
    const client = await suite.connect("/fault/unfinished");
    client.sendText("whole");
    client.sendRaw(encodeClientFrame({ opcode: Opcode.text, payload: "cut off" }).subarray(0, -1));
    client.end();
    expect(await closes.next()).toMatchObject({ code: 1006, wasClean: false });
    expect(await received.next()).toBe("whole");
    expect(received.size).toBe(0);
  });

  suite.it("survives an unmasked frame on a handler without an error hook", async () => {
    const client = await suite.connect("/fault/watched");
    client.sendFrame({ opcode: Opcode.text, payload: "bare", mask: false });
    expect((await client.closed).code).toBe(1002);
    expect(await closes.next()).toMatchObject({ code: 1002 });
    await suite.expectAlive();
  });

  suite.it("survives HTTP text on an open WebSocket", async () => {
    const client = await suite.connect("/fault/watched");
    client.sendRaw("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await client.closed).code).toBe(1002);
    await closes.next();
    await suite.expectAlive();
  });

  const slow = new Channel<string>();
  suite.route(
    "/fault/slow",
    {
      async message(connection) {
        const chunk = Buffer.alloc(CHUNK_BYTES);
        // Far more than the kernel keeps for a client that does not read.
        for (let sent = 0; sent < 64 * 1024 * 1024 && connection.state === "open"; sent += CHUNK_BYTES) {
          connection.send(chunk);
          await setImmediate();
        }
      },
      error: (_connection, error) => slow.push(error.code),
      close: (_connection, info) => closes.push(info),
    },
    { maxQueueBytes: 4 * CHUNK_BYTES },
  );
  suite.it("closes a client that does not read with 1013", async () => {
    const client = await suite.connect("/fault/slow");
    client.sendText("flood me");
    client.pause();
    expect(await slow.next(10_000)).toBe("ERR_SLOW_CONSUMER");
    client.resume();
    expect((await client.closed).code).toBe(1013);
    expect((await closes.next()).code).toBe(1013);
  });

  suite.route("/fault/patient", {
    async message(connection) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      for (let sent = 0; sent < 16 * 1024 * 1024; sent += CHUNK_BYTES) {
        if (connection.bufferedBytes > 4 * CHUNK_BYTES) await connection.drain();
        if (!connection.send(chunk)) slow.push("refused");
      }
      connection.send("the end");
    },
  });
  suite.it("lets a handler wait for a slow client with drain", async () => {
    const client = await suite.connect("/fault/patient");
    client.sendText("flood me");
    client.pause();
    await suite.expectAlive();
    client.resume();
    let bytes = 0;
    for (let message = await client.nextMessage(); message.text !== "the end"; message = await client.nextMessage()) {
      bytes += message.bytes.byteLength;
    }
    expect([bytes, slow.size]).toEqual([16 * 1024 * 1024, 0]);
  });
}
