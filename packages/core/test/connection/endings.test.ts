import { setImmediate as turn } from "node:timers/promises";
import { createAudience, createHub, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { describe, expect, it } from "vitest";
import { HookQueue } from "../../src/hub/hook-queue.ts";
import { closures, ConnectionError, type ClosureCode } from "../../src/base/errors.ts";
import { closing, serve } from "../helpers/served.ts";
import { StandIn } from "../helpers/stand-in.ts";
import type { WebSocket } from "ws";

interface Opened {
  readonly connection: Connection;
  readonly client: WebSocket;
  readonly got: string[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

async function open(handler: ConnectionHandler = {}, options: UpgraderOptions = { onError: () => {} }): Promise<Opened> {
  const served = await serve({ open: () => {}, ...handler }, options);
  const client = await served.client();
  const got: string[] = [];
  client.on("message", (data) => void got.push((data as Buffer).toString()));
  return { connection: await served.nextConnection(), client, got, closed: closing(client) };
}

const queueAll = (connection: Connection): void => {
  connection.send(new Blob(["blob"]));
  connection.send("behind");
};

/** Why upwire ends a connection whose client can be given what is queued. */
const good: readonly ClosureCode[] = ["ERR_HANDLER", "ERR_OPEN_TIMEOUT", "ERR_IDLE"];

describe("what waits behind a Blob or a writer", () => {
  const ends: Readonly<Record<string, (connection: Connection) => void>> = {
    close: (connection) => connection.close(4000),
    fail: (connection) => connection.fail({ code: "ERR_LAYER", closeCode: 4000, retry: true }),
  };

  it.each(Object.keys(ends))("leaves before the close frame of %s", async (name) => {
    const { connection, got, closed } = await open();
    queueAll(connection);
    ends[name]?.(connection);
    expect((await closed).code).toBe(4000);
    expect(got).toEqual(["blob", "behind"]);
  });

  it("leaves before the close frame of fail also when a writer is behind", async () => {
    const { connection, got, closed } = await open();
    const writer = connection.createWriter("text");
    writer.write("a");
    connection.send("behind");
    connection.fail({ code: "ERR_LAYER", closeCode: 4000, retry: true });
    await turn();
    writer.end("b");
    expect((await closed).code).toBe(4000);
    expect(got).toEqual(["ab", "behind"]);
  });

  it("has closeTimeoutMs, and is given up then", async () => {
    const { connection, got, closed } = await open({}, { closeTimeoutMs: 100 });
    connection.createWriter("text").write("a");
    connection.send("behind");
    connection.fail({ code: "ERR_LAYER", closeCode: 4000, retry: true });
    expect((await closed).code).toBe(4000);
    expect(got).toEqual([]);
  });

  it("leaves before the close frame when a hook throws", async () => {
    const { client, got, closed } = await open({
      message(connection) {
        queueAll(connection);
        throw new Error("a fault of the application");
      },
    });
    client.send("go");
    expect((await closed).code).toBe(1011);
    expect(got).toEqual(["blob", "behind"]);
  });

  const codes = (Object.keys(closures) as ClosureCode[]).filter((code) => closures[code].closeCode !== 1006);
  it.each(codes)("is dropped for a client that broke a rule or is slow, and for no other: %s", async (code) => {
    const { connection, got, closed } = await open();
    queueAll(connection);
    connection.fail(new ConnectionError(code));
    expect((await closed).code).toBe(closures[code].closeCode);
    expect(got).toEqual(good.includes(code) ? ["blob", "behind"] : []);
  });
});

describe("terminate", () => {
  it("takes and sends nothing from then on, and tells who missed it", async () => {
    const { connection, got, closed } = await open();
    const missed: string[] = [];
    const hub = createHub();
    hub.add(connection);
    connection.send("before", { missed: () => void missed.push("before") });
    connection.send(new Blob(["blob"]), { missed: () => void missed.push("blob") });
    connection.terminate();
    expect([connection.isOpen, connection.state]).toEqual([false, "closing"]);
    expect(connection.send("after", { missed: () => void missed.push("after") })).toBe(false);
    expect(hub.broadcast("to all", { missed: () => void missed.push("to all") })).toBe(0);
    expect((await closed).code).toBe(1006);
    await connection.closed;
    await turn();
    expect(missed.toSorted()).toEqual(["after", "before", "blob", "to all"]);
    expect(got).toEqual([]);
  });

  const later: Readonly<Record<string, (connection: Connection) => void>> = {
    "close behind it": (connection) => {
      connection.terminate();
      connection.close(4000);
    },
    "close before it": (connection) => {
      connection.close(4000);
      connection.terminate();
    },
    "close that waits for a Blob": (connection) => {
      queueAll(connection);
      connection.close(4000);
      connection.terminate();
    },
    "fail behind it": (connection) => {
      connection.terminate();
      connection.fail({ code: "ERR_LAYER", closeCode: 4001, retry: true });
    },
    "fail before it": (connection) => {
      connection.fail({ code: "ERR_LAYER", closeCode: 4001, retry: true });
      connection.terminate();
    },
  };
  it.each(Object.entries(later))("is 1006 on both sides, since no close frame has left: %s", async (_name, end) => {
    const { connection, closed } = await open();
    end(connection);
    expect([(await closed).code, await connection.closed]).toEqual([1006, { code: 1006, reason: "", wasClean: false }]);
  });

  it("in the hook leaving is 1006 too", async () => {
    const { connection, closed } = await open({ leaving: (one) => one.terminate() });
    const audience = createAudience();
    audience.add(connection);
    await audience.close();
    expect([(await closed).code, connection.closeInfo?.code]).toEqual([1006, 1006]);
  });
});

it("a loop over messages that is left before it begins closes with 1000", async () => {
  const { connection, closed } = await open();
  await connection[Symbol.asyncIterator]().return();
  expect((await closed).code).toBe(1000);
});

describe("what a call of an application may not be", () => {
  it("takes the length of a ping before any memory", async () => {
    const { connection, client } = await open();
    for (const data of [{ length: 2e8 }, 5, null, [1, 2], new Map(), new ArrayBuffer(3)]) expect(() => connection.ping(data as never)).toThrow(TypeError);
    expect(() => connection.ping(new Uint8Array(126))).toThrow(RangeError);
    expect(() => connection.ping("é".repeat(63))).toThrow(RangeError);
    client.terminate();
  });

  it.each([undefined, null, "Text", "", true, {}])("a type of a writer: %s", async (type) => {
    const { connection, client } = await open();
    expect(() => connection.createWriter(type as never)).toThrow(TypeError);
    client.terminate();
  });

  it.each([null, 5, {}, Buffer.from("x"), new ArrayBuffer(2)])("a reason: %s", async (reason) => {
    const { connection, client } = await open();
    expect(() => connection.close(1000, reason as never)).toThrow(TypeError);
    expect(connection.state).toBe("open");
    client.terminate();
  });
});

describe("an audience", () => {
  it.each([[[undefined]], [[null]], [["x"]], [new Map([[1, 2]])], [{}], [Promise.resolve()], [null], ["text"]])(
    "excludes connections, and nothing else, before the first member gets anything: %o",
    async (except) => {
      const members = Array.from({ length: 10 }, (_, at) => new StandIn(`${at}`));
      const hub = createHub();
      for (const { connection } of members) hub.add(connection);
      for (let broadcasts = 0; broadcasts < 3; broadcasts++) expect(() => hub.broadcast("text", { except: except as never })).toThrow(TypeError);
      expect(members.flatMap(({ heard }) => heard)).toEqual([]);
    },
  );

  it("gives each member its message, and tells who missed it, also when a stand-in throws", () => {
    const [first, bad, last] = [new StandIn("1"), new StandIn("2"), new StandIn("3")];
    bad.send = () => {
      throw new Error("a stand-in");
    };
    const hub = createHub();
    for (const { connection } of [first, bad, last]) hub.add(connection);
    expect(hub.broadcast("text")).toBe(2);
    expect([first.heard, last.heard]).toEqual([["text"], ["text"]]);
  });

  it("knows nothing of what is no connection", () => {
    for (const one of [createHub(), createAudience(), createHub().room("r"), createHub().user("u")]) {
      for (const junk of [undefined, null, 5, "x", {}]) expect([one.has(junk as never), one.delete(junk as never)]).toEqual([false, false]);
    }
    expect(createHub().roomsOf(undefined as never)).toEqual([]);
  });

  it("is not joined when a limit refuses the room", () => {
    const hub = createHub({ maxRoomNameLength: 3 });
    const { connection } = new StandIn("1");
    expect([hub.room("long name").add(connection), hub.has(connection), hub.stats.refusedJoins]).toEqual([false, false, 1]);
    expect([hub.room("tea").add(connection), hub.has(connection)]).toEqual([true, true]);
  });

  it("keeps nothing of hooks that are over while they call for more", () => {
    const queue = new HookQueue();
    const { arrayBuffers } = process.memoryUsage();
    let most = 0;
    let left = 400;
    const hook = (): void => {
      const { arrayBuffers: now } = process.memoryUsage();
      most = Math.max(most, now - arrayBuffers);
      if (left-- > 0) queue.add({ kept: Buffer.alloc(1 << 20) }, hook);
    };
    queue.add({}, hook);
    queue.run();
    expect(left).toBe(-1);
    expect(most).toBeLessThan(200 << 20);
  });
});
