import { describe, expect, it } from "vitest";
import type { AnyContract } from "@upwire/protocol";
import type { Topic, TopicOptions } from "@upwire/client";
import type { FakeSocket } from "../helpers/fake-socket.ts";
import { Fixture } from "../helpers/fixture.ts";

/** A topic on an open connection, and everything that it told. */
class Room {
  readonly fixture = new Fixture();
  readonly told: unknown[] = [];
  readonly topic: Topic<AnyContract, "room:{room}">;

  constructor(options?: TopicOptions) {
    this.topic = this.fixture.client.topic("room:{room}", { room: "tea" }, options);
    this.topic.onSubscribed(({ resumed, missed }) => this.told.push(`subscribed ${resumed} ${missed}`));
    this.topic.onGap(({ reason, missed }) => this.told.push(`gap ${reason} ${missed}`));
    this.topic.onEnded((error) => this.told.push(`ended ${(error as { code?: string } | undefined)?.code}`));
    this.topic.on("state", (state) => this.told.push({ state }));
    this.topic.on("message", (payload) => this.told.push(payload));
  }

  get socket(): FakeSocket {
    return this.fixture.socket;
  }

  async open(): Promise<this> {
    await this.fixture.open();
    return this;
  }

  async reopen(): Promise<void> {
    await this.fixture.reopen();
  }

  /** Answers the newest subscribe. */
  answer(payload: object | undefined, error?: object): void {
    this.socket.message({ re: this.socket.frames("upwire.subscribe").at(-1)?.["id"], payload, error });
  }

  publication(offset: number | undefined, payload: unknown = offset): void {
    this.socket.message({ topic: "room:tea", offset, type: "message", payload });
  }

  take(): unknown[] {
    return this.told.splice(0);
  }
}

const E1 = "epoch-one";
const E2 = "epoch-two";
const at = (offset: number, epoch = E1): object => ({ epoch, offset, after: offset, resumed: false });

describe("a topic", () => {
  it("is subscribed when something listens, once, and is the same at each call", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const topic = fixture.client.topic("room:{room}", { room: "a:b/c%" });
    expect([topic.name, socket.sent]).toEqual(["room:a%3Ab/c%25", []]);
    void topic.publish("message", {}).catch(() => {});
    expect(socket.frames("upwire.subscribe")).toEqual([]);
    topic.on("message", () => {});
    topic.onGap(() => {});
    expect(socket.frames("upwire.subscribe")).toEqual([{ type: "upwire.subscribe", topic: topic.name, id: expect.any(Number) }]);
    expect(fixture.client.topic("room:{room}", { room: "a:b/c%" })).toBe(topic);
  });

  it("takes its position from the reply, and moves it with each publication", async () => {
    const room = await new Room().open();
    expect(room.topic.position).toBeUndefined();
    room.answer({ epoch: E1, offset: 5, after: 3, resumed: true });
    expect([room.topic.position, room.take()]).toEqual([{ epoch: E1, offset: 3 }, ["subscribed true 2"]]);
    for (const offset of [4, 4, 3, 6, 5, 7, 6]) room.publication(offset);
    expect([room.topic.position, room.take()]).toEqual([{ epoch: E1, offset: 6 }, [4, 5, 6]]);
  });

  it("goes on behind its position after a cut, also in the middle of a replay", async () => {
    const room = await new Room().open();
    room.answer(at(10));
    room.publication(11);
    await room.reopen();
    expect(room.socket.sent).toMatchObject([{ type: "upwire.subscribe", topic: "room:tea", since: { epoch: E1, offset: 11 } }]);
    room.answer({ epoch: E1, offset: 14, after: 11, resumed: true });
    room.publication(12);
    await room.reopen();
    expect(room.socket.sent).toMatchObject([{ since: { epoch: E1, offset: 12 } }]);
    expect(room.take()).toEqual(["subscribed false 0", 11, "subscribed true 3", 12]);
  });

  it("gets nothing of a subscription before its reply", async () => {
    const room = await new Room().open();
    room.publication(1);
    room.publication(undefined, "x");
    room.socket.message({ type: "upwire.gap", topic: "room:tea", payload: { reason: "slow" } });
    expect(room.take()).toEqual([]);
    room.answer(at(0));
    room.publication(1);
    expect(room.take()).toEqual(["subscribed false 0", 1]);
    await room.reopen();
    room.publication(2);
    expect(room.take()).toEqual([]);
  });

  it.each<readonly [string, object, string, object | undefined]>([
    ["in the same epoch: how many are missing is known", at(20), "gap lost 9", { epoch: E1, offset: 20 }],
    ["in another epoch", at(3, E2), "gap restarted undefined", { epoch: E2, offset: 3 }],
    ["where there is no history any more", { resumed: false }, "gap restarted undefined", undefined],
  ])("that could not be resumed tells a gap, %s", async (_, payload, gap, position) => {
    const room = await new Room().open();
    room.answer(at(10));
    room.publication(11);
    room.take();
    await room.reopen();
    room.answer(payload);
    expect([room.take(), room.topic.position]).toEqual([["subscribed false 0", gap], position]);
  });

  it("without history tells a gap after each cut", async () => {
    const room = await new Room().open();
    room.answer({ resumed: false });
    room.publication(undefined, "a");
    await room.reopen();
    expect(room.socket.sent).toEqual([{ type: "upwire.subscribe", topic: "room:tea", id: expect.any(Number) }]);
    room.answer({ resumed: false, state: { n: 1 } });
    room.publication(undefined, "b");
    expect(room.take()).toEqual(["subscribed false 0", "a", "subscribed false 0", "gap lost undefined", { state: { n: 1 } }, "b"]);
  });

  it("tells its state, null as well, behind the gap that it fills", async () => {
    const room = await new Room().open();
    room.answer({ epoch: E1, offset: 9, after: 7, resumed: false, state: null });
    room.publication(8);
    room.socket.message({ type: "upwire.gap", topic: "room:tea", payload: { after: 8, epoch: E1, offset: 12, reason: "slow", state: { n: 12 } } });
    room.publication(12);
    room.publication(13);
    expect(room.take()).toEqual(["subscribed false 2", { state: null }, 8, "gap slow 4", { state: { n: 12 } }, 13]);
    expect(room.topic.position).toEqual({ epoch: E1, offset: 13 });
  });

  it("begins with the newest, or behind a position that was kept", async () => {
    for (const since of [{ last: 20 }, { epoch: E1, offset: 4 }]) {
      const room = await new Room({ since }).open();
      expect(room.socket.sent).toMatchObject([{ since }]);
      room.answer(at(8));
      await room.reopen();
      expect(room.socket.sent).toMatchObject([{ since: { epoch: E1, offset: 8 } }]);
    }
  });

  it("that is refused says so, and is asked for on the next connection", async () => {
    const room = await new Room().open();
    room.answer(undefined, { code: "forbidden", message: "no", retryable: false });
    await room.fixture.clock.advance(10_000);
    expect([room.take(), room.socket.frames("upwire.subscribe").length, room.fixture.errors]).toEqual([["ended forbidden"], 1, []]);
    await room.reopen();
    expect(room.socket.frames("upwire.subscribe").length).toBe(1);
  });

  it("that cannot be had for the moment is asked for again", async () => {
    const room = await new Room().open();
    room.answer(undefined, { code: "unavailable", message: "soon", retryable: true });
    await room.fixture.clock.advance(1999);
    expect(room.socket.frames("upwire.subscribe").length).toBe(1);
    await room.fixture.clock.advance(1);
    expect(room.socket.frames("upwire.subscribe").length).toBe(2);
    room.answer(at(0));
    expect(room.take()).toEqual(["ended unavailable", "subscribed false 0"]);
  });

  it("reports a refusal that nothing listens to, and not one by a later subscribe", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    fixture.client.topic("room:{room}", { room: "tea" }).on("message", () => {});
    const { id } = socket.frames("upwire.subscribe")[0] ?? {};
    socket.message({ re: id, error: { code: "replaced", message: "", retryable: false } });
    expect(fixture.errors).toEqual([]);
    fixture.client.topic("room:{room}", { room: "x" }).on("message", () => {});
    socket.message({ re: socket.frames("upwire.subscribe")[1]?.["id"], error: { code: "forbidden", message: "no", retryable: false } });
    expect(fixture.errors).toMatchObject([{ code: "forbidden" }]);
  });

  it("that the server ends is over on this connection", async () => {
    const room = await new Room().open();
    room.answer(at(0));
    room.socket.message({ type: "upwire.unsubscribed", topic: "room:tea", error: { code: "forbidden", message: "out", retryable: false } });
    room.publication(1);
    expect(room.take()).toEqual(["subscribed false 0", "ended forbidden"]);
    await room.reopen();
    expect(room.socket.sent).toMatchObject([{ type: "upwire.subscribe", since: { epoch: E1, offset: 0 } }]);
  });

  it("that is left is silent, is not subscribed again, and can be had anew", async () => {
    const room = await new Room().open();
    room.answer(at(5));
    room.take();
    room.topic[Symbol.dispose]();
    expect(room.socket.sent.at(-1)).toMatchObject({ type: "upwire.unsubscribe", topic: "room:tea" });
    room.publication(6);
    const again = room.fixture.client.topic("room:{room}", { room: "tea" });
    const heard: unknown[] = [];
    again.on("message", (payload) => heard.push(payload));
    expect(again).not.toBe(room.topic);
    room.publication(7);
    room.answer(at(7));
    room.publication(8);
    expect([room.take(), heard]).toEqual([[], [8]]);
    again.unsubscribe();
    await room.reopen();
    expect(room.socket.sent).toEqual([]);
  });

  it("that the server joined is heard without asking", async () => {
    const room = await new Room({ byServer: true }).open();
    room.socket.message({ type: "upwire.subscribed", topic: "room:tea", payload: at(3) });
    room.publication(4);
    await room.reopen();
    expect([room.socket.sent, room.take()]).toEqual([[], ["subscribed false 0", 4]]);
    room.socket.message({ type: "upwire.subscribed", topic: "room:tea", payload: at(6) });
    room.socket.message({ type: "upwire.unsubscribed", topic: "room:tea" });
    expect(room.take()).toEqual(["subscribed false 0", "gap lost 2", "ended undefined"]);
  });

  it("that the server joined before anything listened keeps its position", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    socket.message({ type: "upwire.subscribed", topic: "inbox:7", payload: at(3) });
    socket.message({ topic: "inbox:7", offset: 4, type: "mail", payload: "early" });
    const heard: unknown[] = [];
    fixture.client.topic("inbox:{user}", { user: 7 }).on("mail", (payload) => heard.push(payload));
    socket.message({ topic: "inbox:7", offset: 5, type: "mail", payload: "late" });
    expect([heard, socket.sent]).toEqual([["late"], []]);
  });
});

describe("a topic that was unsubscribed", () => {
  it("is subscribed again when something listens again, and hears", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const topic = fixture.client.topic("room:{room}", { room: "tea" });
    const told: unknown[] = [];
    topic.on("message", () => {});
    topic.unsubscribe();
    topic.on("message", (payload) => told.push(payload));
    socket.message({ re: socket.frames("upwire.subscribe").at(-1)?.["id"], payload: at(0) });
    socket.message({ topic: "room:tea", offset: 1, type: "message", payload: "hi" });
    expect(told).toEqual(["hi"]);
    expect(fixture.client.topic("room:{room}", { room: "tea" })).toBe(topic);
  });

  it("does not end the one that came after it, when it is unsubscribed once more", async () => {
    const fixture = new Fixture();
    const socket = await fixture.open();
    const before = fixture.client.topic("room:{room}", { room: "tea" });
    before.unsubscribe();
    const told: unknown[] = [];
    const after = fixture.client.topic("room:{room}", { room: "tea" });
    after.on("message", (payload) => told.push(payload));
    before.unsubscribe();
    socket.message({ re: socket.frames("upwire.subscribe").at(-1)?.["id"], payload: at(0) });
    socket.message({ topic: "room:tea", offset: 1, type: "message", payload: "hi" });
    expect([told, socket.frames("upwire.unsubscribe").length]).toEqual([["hi"], 1]);
  });
});

it("a listener that one before it took away is not called", async () => {
  const room = await new Room().open();
  const told: string[] = [];
  room.topic.on("news", () => {
    told.push("first");
    end();
  });
  const end = room.topic.on("news", () => told.push("second"));
  room.answer({ resumed: false });
  room.socket.message({ topic: "room:tea", type: "news" });
  expect(told).toEqual(["first"]);
});
