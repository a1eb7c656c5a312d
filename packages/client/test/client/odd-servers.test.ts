import { afterEach, describe, expect, it, vi } from "vitest";
import { createClient } from "@upwire/client";
import { FakeClock } from "../helpers/fake-clock.ts";
import { FakeNetwork } from "../helpers/fake-socket.ts";
import { Fixture } from "../helpers/fixture.ts";

afterEach(() => void vi.restoreAllMocks());

const HOUR_MS = 3_600_000;

describe("what a server says about waiting", () => {
  it.each<readonly [string, object]>([
    ["spreadMs", { spreadMs: 1e300 }],
    ["spreadMs beyond numbers", { spreadMs: Infinity }],
  ])("is one hour at most: %s", async (_, hello) => {
    const fixture = new Fixture({ random: () => 0.9 });
    await fixture.open(hello);
    fixture.socket.end();
    const { status } = fixture.client;
    expect(status.state).toBe("waiting");
    expect((status as { retryAt: number }).retryAt - fixture.clock.now()).toBeLessThanOrEqual(HOUR_MS);
    for (let tries = 1; tries <= 4; tries++) {
      await fixture.retry();
      (await fixture.network.dialled()).refuse();
      expect((fixture.client.status as { retryAt: number }).retryAt - fixture.clock.now()).toBeLessThanOrEqual(HOUR_MS);
    }
  });

  it.each<readonly [string, (fixture: Fixture) => void]>([
    [
      "upwire.reconnect",
      ({ socket }) => {
        socket.message({ type: "upwire.reconnect", payload: { afterMs: 1e300 } });
        socket.end(1012);
      },
    ],
    ["the close reason", ({ socket }) => socket.end(1012, `retry-after=${"9".repeat(15)}`)],
  ])("is one hour at most: %s", async (_, say) => {
    const fixture = new Fixture();
    await fixture.open();
    say(fixture);
    expect(fixture.client.status).toEqual({ state: "waiting", retryAt: fixture.clock.now() + HOUR_MS });
  });

  it("is one hour at most: pingIntervalMs", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open({ pingIntervalMs: 1e300 });
    await fixture.clock.advance(HOUR_MS);
    expect(socket.frames("upwire.ping")).toHaveLength(1);
  });
});

describe("a message whose type is no text", () => {
  it.each([5, null, true, ["news"], { type: "news" }, 0])("is ignored: %j", async (type) => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const heard: unknown[] = [];
    for (const name of ["5", "true", "null", "news", "0"]) fixture.client.on(name, (payload) => heard.push(payload));
    const room = fixture.client.topic("room");
    for (const name of ["5", "true", "null", "news", "0"]) room.on(name, (payload) => heard.push(payload));
    socket.message({ re: socket.frames("upwire.subscribe")[0]?.["id"], payload: { epoch: "epoch-one", offset: 3, after: 3, resumed: false } });
    socket.message({ type, payload: 1 });
    socket.message({ type, topic: "room", offset: 4, payload: 2 });
    expect([heard, fixture.errors, room.position?.offset]).toEqual([[], [], 3]);
    socket.message({ type: "news", topic: "room", offset: 4, payload: 3 });
    expect(heard).toEqual([3]);
  });
});

describe("a topic that the server joined", () => {
  const subscribed = (topic: string, offset = 3): object => ({
    type: "upwire.subscribed",
    topic,
    payload: { epoch: "epoch-one", offset, after: offset, resumed: false },
  });

  it("is forgotten with its end, unless the application has it", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const mine = fixture.client.topic("inbox:1", {}, { byServer: true });
    for (const name of ["inbox:1", "inbox:2"]) {
      socket.message(subscribed(name));
      socket.message({ topic: name, offset: 4, type: "mail", payload: "hi" });
      socket.message({ type: "upwire.unsubscribed", topic: name });
    }
    expect(fixture.client.topic("inbox:2").position).toBeUndefined();
    // One that the application has asked for stays what it is.
    expect([fixture.client.topic("inbox:1") === mine, mine.position?.offset, fixture.errors]).toEqual([true, 4, []]);
  });

  it("is forgotten with the connection, too", async () => {
    const fixture = new Fixture();
    (await fixture.open()).message(subscribed("inbox:7"));
    await fixture.reopen();
    expect(fixture.client.topic("inbox:7").position).toBeUndefined();
    expect(fixture.socket.sent).toEqual([]);
  });

  it("goes on where it was when something listens and the server joins it again", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    socket.message(subscribed("inbox:7"));
    const told: unknown[] = [];
    fixture.client.topic("inbox:7").onGap(({ reason, missed }) => told.push([reason, missed]));
    socket.message({ type: "upwire.unsubscribed", topic: "inbox:7" });
    socket.message(subscribed("inbox:7", 9));
    expect(told).toEqual([["lost", 6]]);
  });
});

describe("a wall clock that is set back", () => {
  it("does not hold up the question whether the connection lives", async () => {
    const fake = new FakeClock();
    let [wall, steady] = [1_800_000_000_000, 5000];
    vi.spyOn(Date, "now").mockImplementation(() => wall);
    vi.spyOn(performance, "now").mockImplementation(() => steady);
    const pass = async (ms: number): Promise<void> => {
      wall += ms;
      steady += ms;
      await fake.advance(ms);
    };
    // The client's own clock, but for its timers.
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, ms: number) => fake.after(ms, run)) as never);
    vi.spyOn(globalThis, "clearTimeout").mockImplementation(((timer: { cancel?: () => void } | undefined) => timer?.cancel?.()) as never);
    const network = new FakeNetwork();
    const client = createClient("ws://server.test/ws", { WebSocket: network.WebSocket });
    const socket = (await network.dialled()).accept().hello({ pingIntervalMs: 20_000 });
    await pass(5000);
    socket.message({ type: "news" });
    wall -= HOUR_MS;
    for (let seconds = 0; seconds < 20; seconds++) await pass(1000);
    expect([client.status.state, socket.frames("upwire.ping").length]).toEqual(["open", 1]);
    client.close();
  });
});

describe("a client that is closed", () => {
  it("tells nothing of what still comes before the server has said goodbye, and keeps no timer", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const heard: unknown[] = [];
    fixture.client.on("news", (payload) => heard.push(payload));
    fixture.client.onFrame(({ direction }) => heard.push(direction));
    fixture.client.close();
    socket.message({ type: "news", payload: 1 });
    expect([heard, fixture.clock.pending]).toEqual([[], 0]);
  });
});
