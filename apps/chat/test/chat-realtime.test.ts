import { describe, expect, it } from "vitest";
import { createChatRealtime, type Chat } from "../src/chat-realtime.ts";
import { MemoryClient } from "./memory-client.ts";

/** One that speaks upwire.v1, behind its hello. */
async function openV1({ handler }: Chat): Promise<MemoryClient> {
  const client = await MemoryClient.open(handler, "upwire.v1");
  expect(await client.take()).toMatchObject([{ type: "upwire.hello", payload: { connectionId: client.id } }]);
  return client;
}

async function subscribe(client: MemoryClient, topic: string, since?: unknown): Promise<unknown> {
  client.sendJson({ type: "upwire.subscribe", id: 1, topic, since });
  const [reply] = (await client.take()) as { re: number; payload: unknown }[];
  expect(reply?.re).toBe(1);
  return reply?.payload;
}

describe("a plain client and one that speaks upwire.v1", () => {
  it("hear each other in the lobby", async () => {
    const chat = createChatRealtime();
    const [plain, v1] = [await MemoryClient.open(chat.handler), await openV1(chat)];
    await subscribe(v1, "lobby");
    plain.say("from plain");
    const message = { from: plain.id, address: plain.address, text: "from plain" };
    expect(await v1.take()).toEqual([{ topic: "lobby", offset: 1, type: "message", payload: message }]);
    expect(await plain.take()).toEqual([`${plain.address} echo: from plain`]);

    v1.sendJson({ type: "say", id: 2, payload: { text: "from v1" } });
    expect(await plain.take()).toEqual([`${v1.address} echo: from v1`]);
    const own = { topic: "lobby", offset: 2, type: "message", payload: { from: v1.id, address: v1.address, text: "from v1" } };
    const got = await v1.take();
    expect(got).toHaveLength(2);
    expect(got).toEqual(expect.arrayContaining([{ re: 2, payload: { offset: 2 } }, own]));
  });

  it("hear each other in a room, whoever publishes how", async () => {
    const chat = createChatRealtime();
    const [plain, v1] = [await MemoryClient.open(chat.handler), await openV1(chat)];
    plain.command("join", { room: "a:b 100%" });
    expect(await plain.take()).toEqual([{ type: "room-joined", payload: { room: "a:b 100%", count: 1 } }]);
    const topic = "room:a%3Ab 100%25";
    expect(await subscribe(v1, topic)).toMatchObject({ resumed: false, state: { count: 2 } });

    plain.command("say", { room: "a:b 100%", text: "from plain" });
    const first = { type: "room", payload: { room: "a:b 100%", from: plain.id, text: "from plain" } };
    expect(await plain.take()).toEqual([first]);
    expect(await v1.take()).toEqual([{ topic, offset: 1, ...first }]);

    v1.sendJson({ type: "say", id: 2, payload: { room: "a:b 100%", text: "asked" } });
    v1.sendJson({ type: "room", topic, id: 3, payload: { room: "a:b 100%", from: v1.id, text: "published" } });
    expect(await plain.take()).toEqual(["asked", "published"].map((text) => ({ type: "room", payload: { room: "a:b 100%", from: v1.id, text } })));
    expect(await v1.take()).toEqual(
      expect.arrayContaining([
        { re: 2, payload: { offset: 2 } },
        { re: 3, payload: { offset: 3 } },
      ]),
    );
  });

  it("see each other come and go", async () => {
    const chat = createChatRealtime();
    const [plain, v1] = [await MemoryClient.open(chat.handler), await openV1(chat)];
    const persons = [plain, v1].map(({ id, address }) => ({ id, address }));
    plain.command("hello");
    expect(await plain.take()).toEqual([{ type: "welcome", payload: { ...persons[0], members: persons } }]);
    expect(await subscribe(v1, "people")).toEqual({ resumed: false, state: persons });

    const late = await openV1(chat);
    const person = { id: late.id, address: late.address };
    expect(await plain.take()).toEqual([{ type: "joined", payload: person }]);
    expect(await v1.take()).toEqual([{ topic: "people", type: "joined", payload: person }]);
    late.leave();
    expect(await plain.take()).toEqual([{ type: "left", payload: person }]);
    expect(await v1.take()).toEqual([{ topic: "people", type: "left", payload: person }]);
  });

  it("write to each other alone", async () => {
    const chat = createChatRealtime();
    const [plain, v1] = [await MemoryClient.open(chat.handler), await openV1(chat)];
    plain.command("direct", { to: v1.id, text: "psst" });
    const direct = { from: plain.id, to: v1.id, text: "psst" };
    expect(await v1.take()).toEqual([{ type: "direct", payload: direct }]);
    expect(await plain.take()).toEqual([{ type: "direct", payload: direct }]);
    v1.sendJson({ type: "direct", id: 1, payload: { to: plain.id, text: "psst yourself" } });
    const back = { from: v1.id, to: plain.id, text: "psst yourself" };
    expect(await plain.take()).toEqual([{ type: "direct", payload: back }]);
    expect(await v1.take()).toEqual([{ re: 1, payload: back }]);
  });

  it("get the time, and bytes, each in its own way", async () => {
    const chat = createChatRealtime();
    const [plain, v1] = [await MemoryClient.open(chat.handler), await openV1(chat)];
    await subscribe(v1, "lobby");
    await subscribe(v1, "clock");
    chat.tellTime("12:34:56");
    plain.say(Buffer.from([1, 2, 3]));
    expect(await plain.take()).toEqual(["Server broadcast: Current time is 12:34:56", Buffer.from([1, 2, 3])]);
    expect(await v1.take()).toEqual([
      { topic: "clock", type: "time", payload: { time: "12:34:56" } },
      { topic: "lobby", offset: 1, type: "binary", payload: { from: plain.id, bytes: 3 } },
    ]);
  });
});

describe("a client that speaks upwire.v1", () => {
  it("tells all others of its kind that it writes", async () => {
    const chat = createChatRealtime();
    const [writer, reader, plain] = [await openV1(chat), await openV1(chat), await MemoryClient.open(chat.handler)];
    writer.command("typing", {});
    expect(await reader.take()).toEqual([{ type: "typing", payload: { address: writer.address } }]);
    expect([await writer.take(), await plain.take()]).toEqual([[], []]);
  });

  it("is told that nobody has this id", async () => {
    const v1 = await openV1(createChatRealtime());
    v1.sendJson({ type: "direct", id: 1, payload: { to: "nobody", text: "x" } });
    expect(await v1.take()).toMatchObject([{ re: 1, error: { code: "unknown_client", retryable: false } }]);
  });

  it("writes to itself once", async () => {
    const v1 = await openV1(createChatRealtime());
    v1.sendJson({ type: "direct", id: 1, payload: { to: v1.id, text: "note" } });
    expect(await v1.take()).toEqual([{ re: 1, payload: { from: v1.id, to: v1.id, text: "note" } }]);
  });

  it("says nothing in a room that it is not in, and nothing as another", async () => {
    const chat = createChatRealtime();
    const [v1, other] = [await openV1(chat), await openV1(chat)];
    await subscribe(other, "room:tea");
    v1.sendJson({ type: "say", id: 2, payload: { room: "tea", text: "x" } });
    v1.sendJson({ type: "room", topic: "room:tea", id: 3, payload: { room: "tea", from: v1.id, text: "x" } });
    const outside = (await v1.take()) as { re: number }[];
    expect(outside.toSorted((a, b) => a.re - b.re)).toMatchObject([
      { re: 2, error: { code: "not_in_room" } },
      { re: 3, error: { code: "forbidden" } },
    ]);
    await subscribe(v1, "room:tea");
    v1.sendJson({ type: "room", topic: "room:tea", id: 4, payload: { room: "tea", from: other.id, text: "x" } });
    v1.sendJson({ type: "room", topic: "room:tea", id: 5, payload: { room: "coffee", from: v1.id, text: "x" } });
    v1.sendJson({ type: "message", topic: "lobby", id: 6, payload: { from: v1.id, address: v1.address, text: "x" } });
    expect(await v1.take()).toMatchObject([4, 5, 6].map((re) => ({ re, error: { code: "forbidden" } })));
    expect(await other.take()).toEqual([]);
  });

  it("is in at most 32 rooms, beside the lobby, the people and the clock", async () => {
    const v1 = await openV1(createChatRealtime());
    const topics = ["lobby", "people", "clock", ...Array.from({ length: 33 }, (_, n) => `room:r${n}`)];
    for (const [id, topic] of topics.entries()) v1.sendJson({ type: "upwire.subscribe", id: id + 1, topic });
    const replies = (await v1.take()) as { re: number; error?: { code: string } }[];
    expect(replies.filter(({ error }) => error !== undefined)).toMatchObject([{ re: 36, error: { code: "too_many" } }]);
    expect(replies).toHaveLength(36);
  });

  it("says once what it sends twice with a key, also over another connection", async () => {
    const chat = createChatRealtime();
    const plain = await MemoryClient.open(chat.handler);
    for (const id of [1, 2]) {
      const v1 = await openV1(chat);
      v1.sendJson({ type: "say", id, payload: { text: "once" }, key: "k1" });
      expect(await v1.take()).toEqual([{ re: id, payload: { offset: 1 } }]);
      v1.leave();
    }
    const texts = (await plain.take()).filter((text) => typeof text === "string");
    expect(texts).toEqual([expect.stringMatching(/ echo: once$/)]);
  });
});

describe("a planned restart", () => {
  it("keeps the place of each client", async () => {
    const before = createChatRealtime();
    const v1 = await openV1(before);
    const { epoch, offset } = (await subscribe(v1, "lobby")) as { epoch: string; offset: number };
    const plain = await MemoryClient.open(before.handler);
    plain.say("one");
    plain.say("two");
    await plain.take();

    const after = createChatRealtime({ restore: await before.save() });
    const again = await openV1(after);
    again.sendJson({ type: "upwire.subscribe", id: 1, topic: "lobby", since: { epoch, offset } });
    expect(await again.take()).toMatchObject([
      { re: 1, payload: { epoch, offset: 2, after: 0, resumed: true } },
      { topic: "lobby", offset: 1, payload: { text: "one" } },
      { topic: "lobby", offset: 2, payload: { text: "two" } },
    ]);
  });

  it("without what was saved tells that messages are missing", async () => {
    const v1 = await openV1(createChatRealtime());
    const { epoch } = (await subscribe(v1, "lobby")) as { epoch: string };
    const again = await openV1(createChatRealtime());
    expect(await subscribe(again, "lobby", { epoch, offset: 0 })).toMatchObject({ resumed: false });
  });
});
