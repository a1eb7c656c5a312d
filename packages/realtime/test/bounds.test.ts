import { createRealtime, RealtimeError } from "@upwire/realtime";
import { FakeClock } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

/** What is left of all that clients did. */
const idle = { connections: 0, users: 0, inFlight: 0, plainConnections: 0, remembered: 0 };

describe("what clients make grow", () => {
  it("is gone with the connection, whatever it was in the middle of", async () => {
    const clock = new FakeClock();
    const hang = (): Promise<never> => new Promise(() => {});
    const realtime = createRealtime({
      authorize: ({ headers }) => String(headers["x-user"]),
      clock,
      events: { hang },
      requests: { hang },
      topics: { "slow:{x}": { canSubscribe: hang, canPublish: hang }, "fast:{x}": { canSubscribe: () => true, state: ({ x }) => (x === "hang" ? hang() : 5) } },
    });
    const route = new MemoryRoute(realtime);
    for (let round = 0; round < 20; round++) {
      const client = await route.client({ "x-user": `user ${round}` });
      client.say({ type: "hang" });
      client.say({ type: "hang", id: 1 });
      client.say({ type: "hang", id: 2, key: "k" });
      client.say({ type: "upwire.subscribe", id: 3, topic: "slow:a" });
      client.say({ type: "message", id: 4, topic: "slow:a" });
      client.say({ type: "message", topic: "slow:a" });
      client.say({ type: "upwire.subscribe", id: 5, topic: "fast:a" });
      client.say({ type: "upwire.subscribe", id: 6, topic: "fast:hang" });
      await client.heard();
      client.peer.destroy();
      await client.heard();
    }
    // What cannot be told from something useful has the deadline of a function.
    expect(realtime.stats).toMatchObject({ connections: 0, users: 0 });
    for (const name of ["a", "hang"]) expect(realtime.topic("fast:{x}", { x: name }).size).toBe(0);
    clock.advance(30_000);
    expect(realtime.stats).toMatchObject(idle);
    clock.advance(600_000);
    await realtime.stop();
    expect(clock.pending).toBe(0);
  });

  it("is at most limits.topics for each connection, and room again after an unsubscribe", async () => {
    const realtime = createRealtime({ limits: { topics: 3, requests: 100 }, topics: { "t:{x}": { canSubscribe: () => true } } });
    const client = await new MemoryRoute(realtime).client();
    for (let id = 1; id <= 20; id++) client.say({ type: "upwire.subscribe", id, topic: `t:${id}` });
    const codes = ((await client.heard()) as { readonly error?: { readonly code: string } }[]).map(({ error }) => error?.code);
    expect(codes.filter((code) => code === "too_many")).toHaveLength(17);
    expect(await client.ask({ type: "upwire.unsubscribe", id: 1, topic: "t:1" })).toEqual([{ re: 1 }]);
    expect(await client.ask({ type: "upwire.subscribe", id: 2, topic: "t:20" })).toMatchObject([{ re: 2, payload: { resumed: false } }]);
    // The server's own word does not count.
    await realtime.topic("t:{x}", { x: "own" }).add(client.connection);
    expect(realtime.topic("t:{x}", { x: "own" }).size).toBe(1);
  });

  it("closes with 4400 after limits.badFrames in 10 s, and at once where the framing is lost", async () => {
    const clock = new FakeClock();
    const route = new MemoryRoute(createRealtime({ clock, limits: { badFrames: 3 } }));
    const client = await route.client();
    const bad = { type: "upwire.error", payload: { code: "bad_message", message: expect.any(String) as unknown } };
    for (let round = 0; round < 3; round++) {
      client.peer.text("1");
      client.peer.text("2");
      clock.advance(10_000);
    }
    expect(await client.heard()).toEqual([bad, bad, bad, bad, bad, bad]);
    // What is understood, and refused, is no bad frame.
    for (let id = 1; id <= 5; id++) client.say({ type: "upwire.other", id });
    expect(await client.heard()).toHaveLength(5);
    for (const text of ["1", "2", "3", "4"]) client.peer.text(text);
    expect(await client.heard()).toEqual([bad, bad, bad, "close 4400 3 bad frames"]);
    const other = await route.client();
    other.peer.binary(Buffer.from([0, 0, 1, 0, 1]));
    expect(await other.heard()).toEqual(["close 4400 binary message that is none of upwire.v1"]);
    expect(route.upgrader.stats.ended).toEqual({ ERR_BAD_FRAMES: 2 });
  });

  it.each<[string, () => unknown]>([
    ["forbidden", () => false],
    ["internal", () => Promise.reject(new Error("down"))],
    ["name_taken", () => Promise.reject(new RealtimeError("name_taken"))],
  ])("ends an earlier subscription when a resume of it is answered %s", async (code, no) => {
    let answer: () => unknown = () => true;
    const realtime = createRealtime({ topics: { news: { canSubscribe: () => answer() as boolean } } });
    const client = await new MemoryRoute(realtime, { onError: () => {} }).client();
    await client.ask({ type: "upwire.subscribe", id: 1, topic: "news" });
    answer = no;
    expect(await client.ask({ type: "upwire.subscribe", id: 2, topic: "news" })).toMatchObject([{ re: 2, error: { code } }]);
    expect(realtime.topic("news").size).toBe(0);
  });

  it("is what all topics keep together, on the broker that a realtime makes", async () => {
    const realtime = createRealtime({ topics: { "log:{of}": { canSubscribe: () => true } }, limits: { historyBytes: 20_000 } });
    for (const of of ["a", "b", "c"]) for (let i = 0; i < 50; i++) await realtime.topic("log:{of}", { of }).publish("line", "x".repeat(500));
    const client = await new MemoryRoute(realtime).client();
    const kept = [];
    for (const [index, of] of ["a", "b", "c"].entries()) {
      kept.push((await client.ask({ type: "upwire.subscribe", id: index + 1, topic: `log:${of}`, since: { last: 50 } })).length - 1);
    }
    expect(kept[0]).toBe(0);
    expect(kept[2]).toBeGreaterThan(10);
    expect(kept[2]).toBeLessThan(40);
  });

  it("leaves an earlier subscription when a resume of it is not looked at", async () => {
    const realtime = createRealtime({ topics: { news: { canSubscribe: () => true } } });
    const client = await new MemoryRoute(realtime).client();
    await client.ask({ type: "upwire.subscribe", id: 1, topic: "news" });
    const resume = { type: "upwire.subscribe", id: 2, topic: "news", since: { epoch: "?", offset: 1 } };
    expect(await client.ask(resume)).toMatchObject([{ re: 2, error: { code: "bad_message" } }]);
    expect(realtime.topic("news").size).toBe(1);
  });
});
