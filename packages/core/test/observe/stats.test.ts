import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createHub, Message, onEvent, PreparedMessage, Upgrader, type Connection, type UpwireEvents } from "@upwire/core";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { Counters } from "../../src/base/counters.ts";
import { Heartbeat } from "../../src/connection/pings-and-deadlines.ts";
import { StatsSum } from "../../src/observe/stats-sum.ts";
import { FakeClock } from "../helpers/fake-clock.ts";
import { closing, nextMessage, serve } from "../helpers/served.ts";
import { openSocket, settled } from "../helpers/wire-clients.ts";

setFlagsFromString("--expose_gc");
const collect = runInNewContext("gc") as () => void;

describe("upgrader.stats", () => {
  it("has a gauge of what is open, which ends at zero however they end", async () => {
    const upgrader = new Upgrader();
    const end: Record<string, (connection: Connection) => void> = {
      close: (connection) => connection.close(),
      terminate: (connection) => connection.terminate(),
    };
    for (const act of Object.values(end)) {
      const { connection, socket } = await openSocket(upgrader, undefined);
      expect(upgrader.stats.open).toBe(1);
      act(connection);
      socket.destroy();
      await connection.closed;
      expect(upgrader.stats.open).toBe(0);
    }
    expect(upgrader.stats.opened).toBe(2);
  });

  it("is already without a connection when its close listeners are told", async () => {
    const upgrader = new Upgrader();
    const { connection, socket } = await openSocket(upgrader, undefined);
    const open = new Promise((resolve) => connection.onClose(() => resolve(upgrader.stats.open)));
    socket.destroy();
    expect(await open).toBe(0);
  });

  it("counts messages and their payloads as they come, fragments as one, and none of what is dropped", async () => {
    const upgrader = new Upgrader();
    const { connection, socket } = await openSocket(upgrader, undefined);
    const frames = [
      { opcode: Opcode.text, payload: "12345" },
      { opcode: Opcode.binary, payload: "123", fin: false },
      { opcode: Opcode.ping, payload: "not counted" },
      { opcode: Opcode.continuation, payload: "4567" },
    ];
    for (const frame of frames) socket.receive(encodeClientFrame(frame));
    await turn();
    expect(upgrader.stats).toMatchObject({ messagesIn: 2, bytesIn: 12 });
    connection.close();
    socket.receive(encodeClientFrame({ opcode: Opcode.text, payload: "too late" }));
    await turn();
    expect(upgrader.stats).toMatchObject({ messagesIn: 2, bytesIn: 12 });
  });

  it.each<[string, number, (connection: Connection) => unknown]>([
    ["text", 6, (connection) => connection.send("héllo")],
    ["JSON", 3, (connection) => connection.sendJson([1])],
    ["bytes", 200, (connection) => connection.send(Buffer.alloc(200))],
    ["a Message", 70_000, (connection) => connection.send(new Message(Buffer.alloc(70_000), true))],
    ["a PreparedMessage", 5, (connection) => connection.send(new PreparedMessage("12345"))],
    ["a Blob", 4, (connection) => connection.send(new Blob(["blob"]))],
    ["nothing", 0, (connection) => connection.send("")],
    [
      "a message that is written",
      7,
      (connection) => {
        const writer = connection.createWriter("text");
        writer.write("abc");
        writer.end("defg");
      },
    ],
  ])("counts %s as it goes out, with its payload", async (_name, bytes, act) => {
    for (const slowConsumer of ["close", "keep-latest"] as const) {
      for (const offer of [undefined, "permessage-deflate; client_no_context_takeover"]) {
        const upgrader = new Upgrader({ slowConsumer, compression: { thresholdBytes: 1 } });
        const opened = await openSocket(upgrader, offer);
        act(opened.connection);
        await settled([opened]);
        for (let turns = 0; turns < 5; turns++) await turn();
        expect([slowConsumer, offer, upgrader.stats.messagesOut, upgrader.stats.bytesOut]).toEqual([slowConsumer, offer, 1, bytes]);
        opened.socket.destroy();
      }
    }
  });

  it("counts no ping, no pong, no close frame, and nothing that is refused", async () => {
    const upgrader = new Upgrader({ slowConsumer: "drop-newest", maxQueueBytes: 2000 });
    const { connection, socket } = await openSocket(upgrader, undefined);
    connection.ping();
    socket.receive(encodeClientFrame({ opcode: Opcode.ping, payload: "x" }));
    await turn();
    socket.isTaking = false;
    let taken = 0;
    for (let at = 0; at < 10; at++) {
      if (connection.send("x".repeat(1000))) taken++;
      await turn();
    }
    expect(taken).toBeLessThan(10);
    connection.close();
    expect(connection.send("too late")).toBe(false);
    expect(upgrader.stats).toMatchObject({ messagesOut: taken, bytesOut: 1000 * taken });
  });

  it("counts a broadcast once for each queue that takes it, alone and in a cohort", async () => {
    const upgrader = new Upgrader();
    const hub = createHub();
    const opened = [];
    for (let at = 0; at < 20; at++) opened.push(await openSocket(upgrader, undefined));
    for (const { connection } of opened) hub.add(connection);
    for (let at = 1; at <= 5; at++) {
      expect(hub.broadcast("12345")).toBe(20);
      await turn();
      expect(upgrader.stats).toMatchObject({ messagesOut: 20 * at, bytesOut: 100 * at });
    }
  });

  it("says what waits to leave, of all clients together", async () => {
    const upgrader = new Upgrader();
    const opened = [await openSocket(upgrader, undefined), await openSocket(upgrader, undefined)];
    expect(upgrader.stats.queuedBytes).toBe(0);
    for (const { connection, socket } of opened) {
      socket.isTaking = false;
      connection.send("x".repeat(1000));
    }
    await turn();
    for (const { connection } of opened) connection.send("y".repeat(1000));
    const [one, other] = opened.map(({ connection }) => connection.bufferedBytes);
    expect(upgrader.stats.queuedBytes).toBe((one ?? 0) + (other ?? 0));
    expect(upgrader.stats.queuedBytes).toBeGreaterThan(4000);
    for (const { connection, socket } of opened) {
      socket.destroy();
      await connection.closed;
    }
    expect(upgrader.stats.queuedBytes).toBe(0);
  });
});

describe("attachment.stats", () => {
  it("is the sum over the upgraders of its routes, and none before a request", async () => {
    const served = await serve({ message: (connection, message) => connection.send(message) });
    expect(served.attachment.stats).toMatchObject({ opened: 0, open: 0, refused: {} });
    const client = await served.client();
    client.send("12345");
    await nextMessage(client);
    await expect(served.client({ origin: "https://evil.example" })).rejects.toThrow("403");
    expect(served.attachment.stats).toMatchObject({ opened: 1, open: 1, messagesIn: 1, bytesIn: 5, refused: { ERR_ORIGIN: 1 } });
    const closed = closing(client);
    client.close();
    await closed;
    await (
      await served.nextConnection()
    ).closed;
    expect(served.attachment.stats).toMatchObject({ opened: 1, open: 0 });
  });

  it("keeps what upgraders have counted that are gone, and not the upgraders", async () => {
    const sum = new StatsSum();
    const meet = (): void => {
      const clock = new FakeClock();
      const counters = new Counters();
      const setup = { counters, heartbeat: new Heartbeat(clock, 100), clock } as never;
      sum.add(setup);
      sum.add(setup);
      counters.opened = 2;
      counters.refused("ERR_ORIGIN");
    };
    for (let upgraders = 0; upgraders < 50; upgraders++) meet();
    expect([sum.size, sum.stats.opened]).toEqual([50, 100]);
    for (let turns = 0; turns < 20 && sum.size > 0; turns++) {
      await turn();
      collect();
    }
    expect([sum.size, sum.stats.opened, sum.stats.refused]).toEqual([0, 100, { ERR_ORIGIN: 50 }]);
  });
});

describe("onEvent", () => {
  it("gives each event with its type, until it is ended", async () => {
    const opened: Connection[] = [];
    const stop = onEvent("upwire:open", ({ connection }) => {
      expectTypeOf(connection).toEqualTypeOf<Connection>();
      opened.push(connection);
    });
    onTestFinished(stop);
    const { connection } = await openSocket(new Upgrader(), undefined);
    stop();
    await openSocket(new Upgrader(), undefined);
    expect(opened).toEqual([connection]);
  });

  it("says what it cannot be called with", () => {
    expect(() => onEvent("upwire:opened" as never, () => {})).toThrow('onEvent: there is no event "upwire:opened"; write one of "upwire:refused"');
    expect(() => onEvent("upwire:open", undefined as never)).toThrow("onEvent: undefined is no listener; give a function");
    // @ts-expect-error -- no such event
    expect(() => onEvent("open", () => {})).toThrow(TypeError);
  });

  it("has a type for every channel", async () => {
    const { channels } = await import("../../src/base/channels.ts");
    const named: Record<keyof UpwireEvents, true> = {
      "upwire:open": true,
      "upwire:close": true,
      "upwire:closure": true,
      "upwire:refused": true,
      "upwire:dropped": true,
      "upwire:error": true,
    };
    expect(
      Object.values(channels)
        .map(({ name }) => String(name))
        .toSorted(),
    ).toEqual(Object.keys(named).toSorted());
  });
});
