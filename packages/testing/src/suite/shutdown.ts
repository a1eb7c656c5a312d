import type { CloseInfo, Connection, ConnectionHandler } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { Opcode } from "../client-frame.ts";
import type { OwnServer, Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

const CLIENTS = 60;
/** So long that only the first wave comes by itself. */
const HOUR_MS = 3_600_000;

interface Room extends OwnServer {
  /** In the order of their arrival, like `connections`. */
  readonly clients: readonly WireClient[];
  readonly connections: readonly Connection[];
  readonly closes: Channel<CloseInfo>;
}

/** The gentle end of a server: nobody new, and everybody else in waves. */
export function shutdowns(suite: Suite): void {
  async function fill(count: number, init: { readonly answersClose?: boolean } = {}, hooks: ConnectionHandler = {}): Promise<Room> {
    const opens = new Channel<Connection>();
    const closes = new Channel<CloseInfo>();
    const handler: ConnectionHandler = { ...hooks, open: (connection) => opens.push(connection), close: (_connection, info) => closes.push(info) };
    // Longer than any of these tests: what ends a client that does not answer is the shutdown.
    const server = await suite.serve("/ws", handler, { closeTimeoutMs: HOUR_MS });
    const clients: WireClient[] = [];
    const connections: Connection[] = [];
    for (let i = 0; i < count; i++) {
      clients.push(await server.connect("/ws", init));
      connections.push(await opens.next());
    }
    return { ...server, clients, connections, closes };
  }

  suite.it(`closes ${CLIENTS} clients in waves with 1012, in the order of their arrival, and tells each when to come back`, async () => {
    const told: Connection[] = [];
    const reasons: string[] = [];
    const leaving: ConnectionHandler["leaving"] = (connection, { retryAfterMs }) => {
      told.push(connection);
      reasons.push(`retry-after=${retryAfterMs}`);
    };
    const room = await fill(CLIENTS, {}, { leaving });
    await room.attachment.shutdown({ spreadMs: 500, retryAfterMs: 2000 });
    expect(told).toEqual(room.connections);
    const ends = await Promise.all(room.clients.map(({ closed }) => closed));
    expect(ends).toEqual(reasons.map((reason) => ({ code: 1012, reason, wasReset: false })));
    for (const reason of reasons) expect(reason).toMatch(/^retry-after=[2-4]\d{3}$/);
    for (const _ of room.clients) expect(await room.closes.next()).toMatchObject({ code: 1012, wasClean: true });
    expect(room.attachment.count).toBe(0);
    await room.close();
  });

  suite.it("closes only the first wave at once, the rest later, or now when it is hastened", async () => {
    const room = await fill(3);
    const [first, ...others] = room.clients;
    const ended = room.attachment.shutdown({ spreadMs: HOUR_MS });
    expect((await first?.closed)?.code).toBe(1012);
    expect(room.connections.map(({ state }) => state).slice(1)).toEqual(["open", "open"]);
    await Promise.all([room.attachment.close(), ended]);
    for (const client of others) expect(await client.closed).toMatchObject({ code: 1012, reason: expect.stringMatching(/^retry-after=\d+$/) });
  });

  suite.it("answers newcomers with 503 and Retry-After while others are still served", async () => {
    const room = await fill(2);
    const ended = room.attachment.shutdown({ spreadMs: HOUR_MS, retryAfterMs: 7000 });
    const { answer } = await room.connect("/ws");
    expect([answer.status, answer.header("retry-after")]).toEqual([503, "7"]);
    const [, second] = room.clients;
    room.connections[1]?.send("still here");
    expect((await second?.nextMessage())?.text).toBe("still here");
    await Promise.all([room.attachment.close(), ended]);
  });

  suite.it("delivers what was queued, and what the hook `leaving` sends, before the close frame", async () => {
    const room = await fill(1, {}, { leaving: (connection) => connection.send("moving out") });
    const [client] = room.clients;
    // More than the kernel takes at once of a client that does not read for a while.
    const chunk = Buffer.alloc(64 * 1024);
    client?.pause();
    for (let i = 0; i < 15; i++) expect(room.connections[0]?.send(chunk)).toBe(true);
    const ended = room.attachment.shutdown();
    client?.resume();
    for (let i = 0; i < 15; i++) expect((await client?.nextMessage())?.bytes.byteLength).toBe(chunk.byteLength);
    expect((await client?.nextMessage())?.text).toBe("moving out");
    expect((await client?.closed)?.code).toBe(1012);
    await ended;
  });

  suite.it("cuts off who never answers when the time is over, and lets the server end", async () => {
    const room = await fill(2, { answersClose: false });
    await room.attachment.shutdown({ spreadMs: 0, graceMs: 100 });
    expect(room.attachment.count).toBe(0);
    for (const client of room.clients) {
      expect((await client.nextFrame()).opcode).toBe(Opcode.close);
      await client.closed;
    }
    // It waits for every socket.
    await room.close();
  });

  suite.it("lets the framework's own stop wait for a shutdown that goes on", async () => {
    const room = await fill(3);
    const ended = room.attachment.shutdown({ spreadMs: 300 });
    await Promise.all([room.close(), ended]);
    for (const client of room.clients) expect((await client.closed).code).toBe(1012);
  });

  suite.it("closes who is let in at the last moment", async () => {
    const authorizing = new Channel<() => void>();
    const authorize = (): Promise<void> => new Promise((resolve) => authorizing.push(resolve));
    const server = await suite.serve("/ws", {}, { authorize });
    const connecting = server.connect("/ws");
    const decide = await authorizing.next();
    const ended = server.attachment.shutdown();
    decide();
    const client = await connecting;
    // A plugin writes its 101 by itself.
    expect([101, 503]).toContain(client.status);
    const { code } = await client.closed;
    expect(code).toBe(client.status === 101 ? 1012 : 1006);
    await ended;
    expect(server.attachment.count).toBe(0);
  });
}
