import type { CloseInfo, Connection, UpgraderOptions } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { Opcode } from "../client-frame.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

interface Watched {
  readonly closes: Channel<CloseInfo>;
  /** Both ends of a new connection. */
  readonly connect: (init?: { readonly answersClose?: boolean }) => Promise<readonly [WireClient, Connection]>;
}

/** RFC 6455 section 7: the end of a connection, from both sides, and the end of the server. */
export function closing(suite: Suite): void {
  function watch(path: string, options: UpgraderOptions = {}): Watched {
    const opens = new Channel<Connection>();
    const closes = new Channel<CloseInfo>();
    suite.route(path, { open: (connection) => opens.push(connection), close: (_connection, info) => closes.push(info) }, options);
    return {
      closes,
      async connect(init = {}) {
        const client = await suite.connect(path, init);
        return [client, await opens.next()];
      },
    };
  }

  const byClient = watch("/close/by-client");
  suite.it("answers a close frame with its code, and reports code and reason", async () => {
    for (const [code, reason] of [
      [1000, "bye"],
      [3000, ""],
      [4999, "ünter"],
    ] as const) {
      const [client] = await byClient.connect();
      expect(await client.close(code, reason)).toMatchObject({ code, wasReset: false });
      expect(await byClient.closes.next()).toEqual({ code, reason, wasClean: true });
    }
  });

  const empty = watch("/close/empty");
  suite.it("answers an empty close frame, and reports 1005", async () => {
    const [client] = await empty.connect();
    // The answer may repeat "nothing" or say 1000.
    expect([1000, 1005]).toContain((await client.close()).code);
    expect(await empty.closes.next()).toEqual({ code: 1005, reason: "", wasClean: true });
  });

  const byServer = watch("/close/by-server");
  suite.it("closes with the handler's code and reason, behind what it sent", async () => {
    const [client, connection] = await byServer.connect();
    connection.send("before");
    connection.close(4001, "enough");
    expect((await client.nextMessage()).text).toBe("before");
    expect(await client.closed).toEqual({ code: 4001, reason: "enough", wasReset: false });
    expect(await byServer.closes.next()).toEqual({ code: 4001, reason: "enough", wasClean: true });
  });

  const states = watch("/close/states");
  suite.it("takes no message after it closed, and send says so", async () => {
    const [client, connection] = await states.connect({ answersClose: false });
    expect([connection.state, connection.closeInfo, connection.send("one")]).toEqual(["open", undefined, true]);
    connection.close(1000);
    expect([connection.state, connection.send("two"), connection.sendJson({})]).toEqual(["closing", false, false]);
    expect((await client.nextMessage()).text).toBe("one");
    expect((await client.nextFrame()).opcode).toBe(Opcode.close);
    await client.close(1000);
    const info = await states.closes.next();
    expect([connection.state, connection.closeInfo, connection.send("three")]).toEqual(["closed", info, false]);
  });

  const bounds = watch("/close/bounds");
  suite.it("throws for a code or reason that may not be sent", async () => {
    const [client, connection] = await bounds.connect();
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]) expect(() => connection.close(code)).toThrow(RangeError);
    expect(() => connection.close(1000, "x".repeat(124))).toThrow(RangeError);
    connection.close(1000, "x".repeat(123));
    expect((await client.closed).reason).toHaveLength(123);
  });

  const listened = watch("/close/listened");
  suite.it("resolves connection.closed and calls onClose, also after the end", async () => {
    const [client, connection] = await listened.connect();
    const infos = new Channel<CloseInfo>();
    connection.onClose((info) => infos.push(info));
    const closed = connection.closed;
    await client.close(4002, "done");
    const info = await listened.closes.next();
    connection.onClose((late) => infos.push(late));
    expect(info).toEqual({ code: 4002, reason: "done", wasClean: true });
    expect([await closed, await connection.closed, await infos.next(), await infos.next()]).toEqual([info, info, info, info]);
  });

  const terminated = watch("/close/terminated");
  suite.it("destroys the connection with terminate, and reports 1006", async () => {
    const [client, connection] = await terminated.connect();
    connection.terminate();
    expect((await client.closed).code).toBe(1006);
    expect(await terminated.closes.next()).toMatchObject({ code: 1006, wasClean: false });
  });

  const deaf = watch("/close/deaf", { closeTimeoutMs: 200 });
  suite.it("waits only closeTimeoutMs for the answer to its close frame", async () => {
    const [client, connection] = await deaf.connect({ answersClose: false });
    connection.close(4003, "anybody there?");
    expect((await client.closed).code).toBe(4003);
    expect(await deaf.closes.next()).toMatchObject({ wasClean: false });
  });

  const crossing = watch("/close/crossing");
  suite.it("takes close frames that cross on the way for a clean end", async () => {
    const [client, connection] = await crossing.connect({ answersClose: false });
    const closed = client.close(4004);
    connection.close(4005);
    await closed;
    const { code, wasClean } = await crossing.closes.next();
    expect([4004, 4005]).toContain(code);
    expect(wasClean).toBe(true);
  });

  suite.it("ends 100 open clients with 1001 when the server stops, in under a second", async () => {
    const infos = new Channel<CloseInfo>();
    const server = await suite.serve("/ws", { close: (_connection, info) => infos.push(info) });
    const clients = await Promise.all(Array.from({ length: 100 }, () => server.connect("/ws")));
    expect(clients.map(({ status }) => status)).toEqual(Array(100).fill(101));
    const start = performance.now();
    await server.close();
    expect(performance.now() - start).toBeLessThan(1000);
    const ends = await Promise.all(clients.map(({ closed }) => closed));
    expect(ends.map(({ code }) => code)).toEqual(Array(100).fill(1001));
    for (const _ of clients) expect(await infos.next()).toMatchObject({ code: 1001, wasClean: true });
  });

  suite.it("frees the port when the server stops", async () => {
    const server = await suite.serve("/ws", {});
    const client = await server.connect("/ws");
    await Promise.all([server.close(), client.closed]);
    expect(server.server.listening).toBe(false);
    await expect(server.connect("/ws")).rejects.toThrow(/ECONNREFUSED/);
  });
}
