import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { createHub, type Connection, type ConnectionHandler, type ShutdownOptions, type UpgraderOptions } from "@upwire/core";
import type { CloseAllOptions } from "@upwire/core/adapter";
import { parseRetryAfter } from "@upwire/protocol";
import { WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import type { WebSocket } from "ws";
import { Closing, closingPlan } from "../../src/shutdown/close-in-waves.ts";
import { FakeClock } from "../helpers/fake-clock.ts";
import { closing, nextTexts, serve, type Served } from "../helpers/served.ts";

interface Room extends Served {
  readonly clock: FakeClock;
  readonly clients: readonly WebSocket[];
  /** In the order of their arrival. */
  readonly connections: readonly Connection[];
  /** One letter for each connection: open or not. */
  states(): string;
}

/** A server with so many clients, whose attachment has a clock of its own. */
async function fill(count: number, options: UpgraderOptions = {}, handler: ConnectionHandler = {}): Promise<Room> {
  const clock = new FakeClock();
  const served = await serve(handler, options, { clock, headTimeoutMs: 0 });
  const clients: WebSocket[] = [];
  const connections: Connection[] = [];
  for (let i = 0; i < count; i++) {
    clients.push(await served.client());
    connections.push(await served.nextConnection());
  }
  const states = (): string => connections.map(({ isOpen }) => (isOpen ? "o" : "-")).join("");
  return { ...served, clock, clients, connections, states };
}

/** A client that sees the close frame and never answers it. */
async function mute(room: Room): Promise<WireClient> {
  const client = await WireClient.connect({ port: room.port, answersClose: false });
  onTestFinished(() => void client.socket.destroy());
  return client;
}

describe("the waves of a shutdown", () => {
  it("are spread evenly, in the order of arrival, and the first is at once", async () => {
    const room = await fill(5);
    const gone = room.attachment.shutdown({ spreadMs: 1000 });
    const seen = [room.states()];
    for (const ms of [199, 1, 200, 200, 199, 1]) {
      room.clock.advance(ms);
      seen.push(room.states());
    }
    expect(seen).toEqual(["-oooo", "-oooo", "--ooo", "---oo", "----o", "----o", "-----"]);
    await gone;
    expect([room.attachment.count, room.clock.pending]).toEqual([0, 0]);
  });

  it("are no more than one in 100 ms: then each takes more clients", async () => {
    const room = await fill(7);
    void room.attachment.shutdown({ spreadMs: 300 });
    const seen = [room.states()];
    for (let i = 0; i < 2; i++) {
      room.clock.advance(100);
      seen.push(room.states());
    }
    expect(seen).toEqual(["---oooo", "-----oo", "-------"]);
  });

  it("are one with spreadMs: 0", async () => {
    const room = await fill(3);
    void room.attachment.shutdown({ spreadMs: 0 });
    expect(room.states()).toBe("---");
  });

  it("are made up for when the event loop was late", async () => {
    const room = await fill(4);
    void room.attachment.shutdown({ spreadMs: 400 });
    room.clock.advance(10_000);
    expect(room.states()).toBe("----");
  });

  it("end early when everybody has left", async () => {
    const room = await fill(3);
    const gone = room.attachment.shutdown({ spreadMs: 60_000 });
    for (const client of room.clients) client.close();
    await gone;
    expect(room.clock.pending).toBe(0);
  });

  it("are none without clients", async () => {
    const room = await fill(0);
    await room.attachment.shutdown();
    expect([room.attachment.isClosing, room.clock.pending]).toEqual([true, 0]);
  });
});

describe("what a shutdown tells", () => {
  it("each client: 1012, and a time of its own after which to come back", async () => {
    const room = await fill(20);
    const closes = room.clients.map(closing);
    await room.attachment.shutdown({ spreadMs: 0, retryAfterMs: 4000 });
    const ends = await Promise.all(closes);
    const times = ends.map(({ reason }) => parseRetryAfter(reason) ?? -1);
    expect(ends.map(({ code }) => code)).toEqual(Array(20).fill(1012));
    for (const ms of times) expect(ms >= 4000 && ms <= 8000).toBe(true);
    expect(new Set(times).size).toBeGreaterThan(1);
  });

  it("one hour at most, which every client believes", async () => {
    const told: unknown[] = [];
    const room = await fill(1, {}, { leaving: (_connection, { retryAfterMs }) => told.push(retryAfterMs) });
    const closes = room.clients.map(closing);
    await room.attachment.shutdown({ spreadMs: 0, retryAfterMs: 2 ** 31 - 1 });
    expect(told).toEqual([3_600_000]);
    expect(await Promise.all(closes)).toEqual([{ code: 1012, reason: "retry-after=3600000" }]);
  });

  it("each connection, by the hook `leaving`, before its close frame and with the same time", async () => {
    const told: string[] = [];
    const room = await fill(
      2,
      {},
      {
        leaving(connection, { retryAfterMs, code }) {
          expect(code).toBe(4503);
          connection.send(`back in ${retryAfterMs}`);
          told.push(`back in ${retryAfterMs}`);
        },
      },
    );
    const texts = room.clients.map((client) => nextTexts(client, 2));
    const closes = room.clients.map(closing);
    for (const connection of room.connections) connection.send("queued");
    await room.attachment.shutdown({ spreadMs: 0, code: 4503 });
    expect(await Promise.all(texts)).toEqual(told.map((text) => ["queued", text]));
    expect(await Promise.all(closes)).toEqual(told.map((text) => ({ code: 4503, reason: text.replace("back in ", "retry-after=") })));
  });

  it("newcomers: 503 with the time in whole seconds, those that were being decided about too", async () => {
    let decide = (): void => {};
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const authorize = ({ path }: { path: string }): unknown => {
      if (path === "/") return undefined;
      asked();
      return new Promise<void>((resolve) => {
        decide = resolve;
      });
    };
    const room = await fill(1, { authorize });
    const pending = await WireClient.open({ port: room.port, path: "/slow" });
    await isAsked;
    void room.attachment.shutdown({ spreadMs: 0, retryAfterMs: 2500 });
    decide();
    const early = await pending.answered;
    const { answer: late } = await WireClient.connect({ port: room.port });
    expect([early, late].map((answer) => [answer.status, answer.header("retry-after")])).toEqual([
      [503, "3"],
      [503, "3"],
    ]);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      (): never => {
        throw new Error("leaving");
      },
    ],
    ["rejects", (): Promise<never> => Promise.reject(new Error("leaving"))],
  ])("is told even when the hook `leaving` %s, which is reported", async (_title, leaving) => {
    const errors: unknown[] = [];
    const listener = (message: unknown): void => void errors.push((message as { error: Error }).error.message);
    subscribe("upwire:error", listener);
    onTestFinished(() => void unsubscribe("upwire:error", listener));
    const room = await fill(1, { onError: () => {} }, { leaving });
    const [end] = room.clients.map(closing);
    await room.attachment.shutdown();
    expect([await end, errors]).toEqual([expect.objectContaining({ code: 1012 }), ["leaving"]]);
  });
});

describe("the end of a shutdown", () => {
  it("comes graceMs after the last wave: who did not answer is cut off", async () => {
    const room = await fill(1, { closeTimeoutMs: 60_000 });
    const silent = await mute(room);
    let isOver = false;
    const gone = room.attachment.shutdown({ spreadMs: 200, graceMs: 3000 }).then(() => {
      isOver = true;
    });
    room.clock.advance(100);
    expect((await silent.nextFrame()).opcode).toBe(8);
    room.clock.advance(2999);
    await room.connections[0]?.closed;
    await turn();
    expect([isOver, room.attachment.count]).toEqual([false, 1]);
    room.clock.advance(1);
    await gone;
    expect([(await silent.closed).code, room.attachment.count, room.clock.pending]).toEqual([1012, 0, 0]);
  });

  it("comes to handshakes that nobody decides about, too", async () => {
    const clock = new FakeClock();
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const served = await serve({}, { authorize: () => (asked(), new Promise(() => {})) }, { clock, handshakeTimeoutMs: 60_000 });
    const pending = await WireClient.open({ port: served.port });
    await isAsked;
    const ended = served.attachment.shutdown({ spreadMs: 1000, graceMs: 1000 });
    clock.advance(1999);
    expect(pending.socket.destroyed).toBe(false);
    clock.advance(1);
    await ended;
    expect((await pending.closed).code).toBe(1006);
  });

  it("is joined by a second call, whatever its options, and by one after close", async () => {
    const room = await fill(2);
    const first = room.attachment.shutdown({ spreadMs: 200 });
    const second = room.attachment.shutdown({ spreadMs: 0, code: 4000 });
    expect(room.states()).toBe("-o");
    const closes = room.clients.map(closing);
    room.clock.advance(100);
    await Promise.all([first, second]);
    expect((await Promise.all(closes)).map(({ code }) => code)).toEqual([1012, 1012]);

    const closed = await fill(1);
    void closed.attachment.close();
    await closed.attachment.shutdown({ spreadMs: 60_000 });
    expect(closed.attachment.count).toBe(0);
  });

  it("is hastened by close, whose grace then counts; the clients are told the same", async () => {
    const room = await fill(3, { closeTimeoutMs: 60_000 });
    const closes = room.clients.map(closing);
    const silent = await mute(room);
    const ended = room.attachment.shutdown({ spreadMs: 60_000, graceMs: 60_000 });
    expect(room.states()).toBe("-oo");
    const closed = room.attachment.close({ graceMs: 1000 });
    expect(room.states()).toBe("---");
    expect((await Promise.all(closes)).map(({ code }) => code)).toEqual([1012, 1012, 1012]);
    room.clock.advance(1000);
    await Promise.all([ended, closed]);
    expect([(await silent.closed).code, room.clock.pending]).toEqual([1012, 0]);
  });

  it("is hastened by close from inside the hook `leaving`, and each client is told once", async () => {
    const told: Connection[] = [];
    const leaving = (connection: Connection): void => {
      told.push(connection);
      void room.attachment.close();
    };
    const room = await fill(4, {}, { leaving });
    await room.attachment.shutdown({ spreadMs: 60_000 });
    expect(new Set(told)).toEqual(new Set(room.connections));
    expect(told).toHaveLength(4);
    expect(room.clock.pending).toBe(0);
  });

  it("is waited for by server.close, which hastens nothing", async () => {
    const room = await fill(3);
    const ended = room.attachment.shutdown({ spreadMs: 300 });
    const stopped = once(room.server, "close");
    room.server.close();
    expect([room.states(), room.server.listening]).toEqual(["-oo", false]);
    room.clock.advance(200);
    await Promise.all([ended, stopped]);
  });
});

it.each<ShutdownOptions>([
  { spreadMs: -1 },
  { spreadMs: 0.5 },
  { graceMs: Number.NaN },
  { retryAfterMs: Number.POSITIVE_INFINITY },
  { code: 1005 },
  { code: 1000 },
  { code: 1008 },
  { code: 4401 },
])("a shutdown with %j is refused, and nobody is closed", async (options) => {
  const room = await fill(1);
  await expect(room.attachment.shutdown(options)).rejects.toThrow(RangeError);
  expect([room.states(), room.attachment.isClosing]).toEqual(["o", false]);
});

it.each<CloseAllOptions>([{ code: 1006 }, { reason: "x".repeat(124) }, { graceMs: 2 ** 31 }])(
  "close with %j is refused, and nobody is closed",
  async (options) => {
    const room = await fill(1);
    await expect(room.attachment.close(options)).rejects.toThrow(RangeError);
    expect([room.states(), room.attachment.isClosing]).toEqual(["o", false]);
    await expect(createHub().close(options)).rejects.toThrow(RangeError);
  },
);

describe("closing very many", () => {
  /** What `Closing` needs of connections, and in which turn of the event loop it came to each. */
  function crowd(count: number): {
    readonly connections: Connection[];
    readonly closed: number[][];
    readonly terminated: number[][];
    nextTurn(): Promise<void>;
  } {
    const closed: number[][] = [[]];
    const terminated: number[][] = [[]];
    const connections = Array.from({ length: count }, (_, i) => {
      let leave = (): void => {};
      const stub = {
        isOpen: true,
        close() {
          stub.isOpen = false;
          closed.at(-1)?.push(i);
        },
        terminate() {
          terminated.at(-1)?.push(i);
          leave();
        },
        onClose: (listener: () => void) => void (leave = listener),
      };
      return stub as unknown as Connection;
    });
    const nextTurn = async (): Promise<void> => {
      closed.push([]);
      terminated.push([]);
      await turn();
    };
    return { connections, closed, terminated, nextTurn };
  }

  it("takes 50 every 10 ms, in order, and cuts off 50 in a turn of the event loop", async () => {
    const clock = new FakeClock();
    const many = crowd(800);
    const { done, spreadMs } = new Closing(many.connections, clock, closingPlan({ graceMs: 1000 }));
    expect(spreadMs).toBe(160);
    expect(many.closed.flat()).toHaveLength(50);
    clock.advance(9);
    expect(many.closed.flat()).toHaveLength(50);
    clock.advance(1);
    expect(many.closed.flat()).toHaveLength(100);
    for (let i = 0; i < 14; i++) clock.advance(10);
    expect(many.closed.flat()).toEqual(Array.from({ length: 800 }, (_, i) => i));
    // The grace time starts behind the last slice.
    clock.advance(999);
    expect(many.terminated.flat()).toHaveLength(0);
    clock.advance(1);
    expect(many.terminated.flat()).toHaveLength(50);
    while (many.terminated.flat().length < 800) await many.nextTurn();
    await done;
    expect(many.terminated.flat()).toEqual(Array.from({ length: 800 }, (_, i) => i));
    expect(Math.max(...many.terminated.map(({ length }) => length))).toBeLessThanOrEqual(50);
    expect(clock.pending).toBe(0);
  });

  it("waits for no slice when all have gone meanwhile", async () => {
    const clock = new FakeClock();
    const many = crowd(150);
    const { done } = new Closing(many.connections, clock, closingPlan({}));
    for (const connection of many.connections) connection.terminate();
    await done;
    expect(clock.pending).toBe(0);
  });

  it("keeps the order when a wave comes before the slices of the one before are done", async () => {
    const clock = new FakeClock();
    const many = crowd(3000);
    void new Closing(many.connections, clock, { ...closingPlan({}), spreadMs: 200 });
    clock.advance(100);
    expect(many.closed.flat().length).toBeLessThan(1500);
    for (let i = 0; i < 60; i++) clock.advance(10);
    expect(many.closed.flat()).toEqual(Array.from({ length: 3000 }, (_, i) => i));
  });
});
