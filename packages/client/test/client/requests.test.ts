import { describe, expect, it, vi } from "vitest";
import { settle } from "../helpers/fake-clock.ts";
import { Fixture } from "../helpers/fixture.ts";

const code = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "resolved",
    (error: { code?: unknown; name: string }) => error.code ?? error.name,
  );

describe("a request", () => {
  it("rejects with the error of the server", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const asked = fixture.ask();
    const error = { code: "stock.empty", message: "sold out", retryable: true, details: { left: 0 } };
    socket.message({ re: socket.frames("ask")[0]?.["id"], error });
    await expect(asked).rejects.toMatchObject({ name: "RealtimeError", ...error });
  });

  it.each([
    {},
    true,
    "no",
    [],
    { code: 5 },
    { code: "" },
    { code: "No Such Code" },
    { code: { toString: 1 } },
    { code: "fine", message: { toString: 1, valueOf: 1 } },
    { code: "fine", retryable: "yes" },
  ])("is never left hanging by an error that is none: %j", async (error) => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const asked = fixture.ask();
    socket.message({ re: socket.frames("ask")[0]?.["id"], error });
    const isFine = (error as { code?: unknown }).code === "fine";
    await expect(asked).rejects.toMatchObject({ name: "RealtimeError", code: isFine ? "fine" : "internal", retryable: false });
    socket.message({ type: "upwire.error", payload: error });
    expect(fixture.errors).toMatchObject([{ code: isFine ? "fine" : "internal" }]);
  });

  it("without key that is unanswered at a cut rejects, and is never sent again", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const asked = code(fixture.ask());
    const published = code(fixture.client.topic("room:{room}", { room: "tea" }).publish("message", {}));
    expect([socket.frames("ask").length, socket.frames("message").length]).toEqual([1, 1]);
    const next = await fixture.reopen();
    expect([await asked, await published, next.sent]).toEqual(["connection_lost", "connection_lost", []]);
  });

  it("with key is sent again, with the same key, before what came later", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const asked = fixture.ask({ key: true });
    const own = fixture.ask({ key: "k-2" });
    socket.end();
    fixture.client.send("later", 1);
    const next = await fixture.reopen();
    const [first, second] = socket.frames("ask");
    expect(String(first?.["key"])).toMatch(/^\d{10,64}$/);
    expect(second?.["key"]).toBe("k-2");
    expect(next.sent).toEqual([first, second, { type: "later", payload: 1 }]);
    next.message({ re: first?.["id"], payload: "one" });
    next.message({ re: second?.["id"], payload: "two" });
    expect([await asked, await own]).toEqual(["one", "two"]);
  });

  it("with key is not sent again when the server has forgotten the key", async () => {
    const fixture = new Fixture();
    await fixture.open();
    const asked = code(fixture.ask({ key: true, timeoutMs: 1_000_000 }));
    fixture.socket.end();
    await fixture.retry();
    await fixture.clock.advance(9000);
    const next = await fixture.open({ limits: { retryWindowMs: 9000 } });
    expect([await asked, next.sent]).toEqual(["connection_lost", []]);
  });

  it("that was never sent waits for a connection, with key or without", async () => {
    const fixture = new Fixture();
    const asked = [fixture.ask(), fixture.ask({ key: "k" })];
    (await fixture.network.dialled()).refuse();
    await fixture.clock.advance(1000);
    const socket = await fixture.open();
    expect(socket.frames("ask").length).toBe(2);
    for (const { id } of socket.frames("ask")) socket.message({ re: id, payload: id });
    expect(await Promise.all(asked)).toEqual(socket.frames("ask").map(({ id }) => id));
  });

  it("has a deadline that includes the wait for a connection, and is cancelled at it", async () => {
    const fixture = new Fixture({ requestTimeoutMs: 2000 });
    const queued = code(fixture.ask({ timeoutMs: 100 }));
    await fixture.clock.advance(100);
    const socket = await fixture.open();
    expect([await queued, socket.sent]).toEqual(["timeout", []]);
    const asked = code(fixture.ask());
    await fixture.clock.advance(2000);
    expect([await asked, socket.sent[1]]).toEqual(["timeout", { type: "upwire.cancel", re: socket.frames("ask")[0]?.["id"] }]);
    socket.message({ re: socket.frames("ask")[0]?.["id"], payload: "late" });
    expect(fixture.errors).toEqual([]);
  });

  it("is given up by its signal: before, while it waits, and while it is asked", async () => {
    const fixture = new Fixture();
    expect(await code(fixture.ask({ signal: AbortSignal.abort() }))).toBe(new DOMException("", "AbortError").code);
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const queued = fixture.ask({ signal: controller.signal });
    controller.abort(reason);
    await expect(queued).rejects.toBe(reason);
    const socket = await fixture.open();
    expect(socket.sent).toEqual([]);
    const second = new AbortController();
    const asked = fixture.ask({ signal: second.signal });
    second.abort(reason);
    await expect(asked).rejects.toBe(reason);
    expect(socket.sent[1]).toEqual({ type: "upwire.cancel", re: socket.frames("ask")[0]?.["id"] });
    second.abort();
    expect(socket.sent.length).toBe(2);
  });

  it("leaves its signal alone once it is answered", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const controller = new AbortController();
    const asked = fixture.ask({ signal: controller.signal });
    socket.message({ re: socket.frames("ask")[0]?.["id"], payload: 1 });
    controller.abort();
    expect([await asked, socket.sent.length]).toEqual([1, 1]);
  });

  it("takes what cannot be JSON for the caller's fault", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    await expect(fixture.client.request("ask", 1n)).rejects.toThrow(TypeError);
    expect(() => fixture.client.send("x", 1n)).toThrow(TypeError);
    expect([socket.sent, fixture.clock.pending]).toEqual([[], 1]);
  });
});

describe("the queue", () => {
  it("is bounded: what is over rejects, and what waits goes out", async () => {
    const fixture = new Fixture({ maxQueue: 2 });
    const { client } = fixture;
    const first = code(fixture.ask());
    expect(client.send("event", 1)).toBe(true);
    expect([client.send("event", 2), await code(fixture.ask())]).toEqual([false, "queue_full"]);
    const socket = await fixture.open();
    expect(socket.sent.length).toBe(2);
    expect([client.send("event", 3), client.send("event", 4), client.send("event", 5)]).toEqual([true, true, true]);
    const next = await fixture.reopen();
    expect([await first, next.sent]).toEqual(["connection_lost", []]);
  });

  it("makes room for what is given up", async () => {
    const fixture = new Fixture({ maxQueue: 1 });
    const asked = code(fixture.ask({ timeoutMs: 10 }));
    await fixture.clock.advance(10);
    expect([await asked, fixture.client.send("event", 1)]).toEqual(["timeout", true]);
  });

  it("is not for what is to be dropped", async () => {
    const fixture = new Fixture();
    const { client } = fixture;
    expect([client.send("typing", 1, { queue: "drop" }), await code(fixture.ask({ queue: "drop" }))]).toEqual([false, "connection_lost"]);
    const socket = await fixture.open();
    expect(socket.sent).toEqual([]);
    expect(client.send("typing", 1, { queue: "drop" })).toBe(true);
  });

  it("sends an event at most once", async () => {
    const fixture = new Fixture();
    fixture.client.send("event", 1);
    const sent = [(await fixture.open()).sent.length, (await fixture.reopen()).sent.length];
    expect(sent).toEqual([1, 0]);
  });
});

describe("a rejection", () => {
  it("that the application looks at is not reported", async () => {
    const fixture = new Fixture();
    await fixture.open();
    const looks = [
      fixture.ask().catch(() => {}),
      fixture.ask().then(
        () => {},
        () => {},
      ),
      (async () => {
        await fixture.ask();
      })().catch(() => {}),
      Promise.allSettled([fixture.ask()]),
    ];
    fixture.socket.end();
    await Promise.all(looks);
    const late = fixture.ask({ queue: "drop" });
    await settle();
    await late.catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
    expect(fixture.errors).toEqual([]);
  });

  it("that nothing looks at is reported, and never an unhandled one", async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", listener);
    const fixture = new Fixture({ maxQueue: 1 });
    const room = fixture.client.topic("room:{room}", { room: "tea" });
    void room.publish("message", {});
    void room.publish("message", {});
    await fixture.open();
    fixture.socket.end();
    void fixture.ask({ queue: "drop" });
    fixture.client.close();
    void fixture.ask();
    await vi.waitFor(() => expect(fixture.errors.length).toBe(4));
    process.off("unhandledRejection", listener);
    expect(unhandled).toEqual([]);
    expect(fixture.errors.map((error) => (error as { code: string }).code).toSorted()).toEqual(["closed", "connection_lost", "connection_lost", "queue_full"]);
  });
});

describe("an error of the server that is none", () => {
  it.each([{ code: "NOT A CODE" }, { code: {} }, {}, "no"])("settles the request as internal: %j", async (error) => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const asked = fixture.ask();
    socket.message({ re: socket.frames("ask").at(-1)?.["id"], error });
    await expect(asked).rejects.toMatchObject({ code: "internal" });
    expect(fixture.errors).toEqual([]);
  });
});
