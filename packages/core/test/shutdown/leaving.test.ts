import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { createHub, type Connection, type ConnectionHandler } from "@upwire/core";
import { expect, describe, it } from "vitest";
import { closing, event, nextTexts, serve, type Served } from "../helpers/served.ts";

interface Told {
  readonly connection: Connection;
  readonly code: number;
  readonly retryAfterMs: number | undefined;
}

async function room(hooks: ConnectionHandler = {}): Promise<{ readonly served: Served; readonly told: Told[]; readonly handler: ConnectionHandler }> {
  const told: Told[] = [];
  const handler: ConnectionHandler = {
    leaving(connection, notice) {
      expect(connection.isOpen).toBe(true);
      told.push({ connection, ...notice });
      connection.send(`leaving ${notice.code}`);
    },
    ...hooks,
  };
  return { served: await serve(handler, { onError: () => {} }), told, handler };
}

describe("the hook `leaving`", () => {
  const ends: readonly (readonly [string, number, (served: Served, connection: Connection) => unknown])[] = [
    ["attachment.close", 1001, ({ attachment }) => attachment.close()],
    ["attachment.close with a code of its own", 4777, ({ attachment }) => attachment.close({ code: 4777 })],
    ["server.close", 1001, ({ server }) => once(server.close(), "close")],
    ["hub.close", 1001, (_served, connection) => hubOf(connection).close()],
  ];

  function hubOf(connection: Connection): ReturnType<typeof createHub> {
    const hub = createHub();
    hub.add(connection);
    return hub;
  }

  it.each(ends)("is told once of %s, and what it sends arrives before the close frame", async (_name, code, end) => {
    const { served, told } = await room();
    const client = await served.client();
    const connection = await served.nextConnection();
    const got = nextTexts(client, 2);
    const closed = closing(client);
    connection.send("queued");
    await end(served, connection);
    expect(await got).toEqual(["queued", `leaving ${code}`]);
    expect((await closed).code).toBe(code);
    expect(told).toEqual([{ connection, code, retryAfterMs: undefined }]);
  });

  it("is told of nothing else that ends a connection", async () => {
    const { served, told } = await room();
    for (const end of [(one: Connection) => one.close(), (one: Connection) => one.terminate()]) {
      const client = await served.client();
      const closed = closing(client);
      end(await served.nextConnection());
      await closed;
    }
    const client = await served.client();
    client.close();
    await (
      await served.nextConnection()
    ).closed;
    await served.attachment.close();
    expect(told).toEqual([]);
  });

  it("is told while an `open` has not settled, and then the other hooks as ever", async () => {
    const order: string[] = [];
    let settle = (): void => {};
    const { served } = await room({
      open: () => new Promise<void>((resolve) => (settle = resolve)),
      leaving: () => void order.push("leaving"),
      close: () => void order.push("close"),
    });
    const client = await served.client();
    const closed = closing(client);
    const ended = served.attachment.close();
    await closed;
    settle();
    await ended;
    expect(order).toEqual(["leaving", "close"]);
  });

  it("may close the connection itself: that code counts", async () => {
    const { served } = await room({ leaving: (connection) => connection.close(4444, "mine") });
    const closed = closing(await served.client());
    await served.attachment.close();
    expect(await closed).toEqual({ code: 4444, reason: "mine" });
  });

  it("is told once when two ends come together, and by itself", async () => {
    const order: number[] = [];
    const { served } = await room({
      leaving(_connection, { code }) {
        order.push(code);
        void served.attachment.close({ code: 4001 });
      },
    });
    const closed = closing(await served.client());
    await Promise.all([served.attachment.close({ code: 4000 }), served.attachment.shutdown()]);
    expect([(await closed).code, order]).toEqual([4000, [4000]]);
  });

  it("is not waited for", async () => {
    const { served } = await room({ leaving: () => new Promise(() => {}) });
    const closed = closing(await served.client());
    await served.attachment.close();
    expect((await closed).code).toBe(1001);
  });

  it("closes a connection of another kind all the same, and one without a handler", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const closed = closing(client);
    const pinged = event(client, "ping");
    const connection = await served.nextConnection();
    connection.ping();
    await pinged;
    await served.attachment.close();
    expect((await closed).code).toBe(1001);
    await turn();
    expect(connection.state).toBe("closed");
  });
});
