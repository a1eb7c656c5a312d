import { describe, expect, it } from "vitest";
import { createChatRealtime } from "../src/chat-realtime.ts";
import { MemoryClient } from "./memory-client.ts";

async function three(): Promise<[MemoryClient, MemoryClient, MemoryClient]> {
  const { handler } = createChatRealtime();
  return [await MemoryClient.open(handler), await MemoryClient.open(handler), await MemoryClient.open(handler)];
}

async function pair(): Promise<[MemoryClient, MemoryClient]> {
  const { handler } = createChatRealtime();
  return [await MemoryClient.open(handler), await MemoryClient.open(handler)];
}

async function errorCode(client: MemoryClient): Promise<unknown> {
  const [reply, ...rest] = (await client.take()) as { type: string; payload: { code: string; message: string } }[];
  expect(rest).toEqual([]);
  expect(reply).toMatchObject({ type: "error", payload: { message: expect.any(String) } });
  return reply?.payload.code;
}

describe("plain messages", () => {
  it("sends a text to everyone, the sender too, with the sender's address", async () => {
    const [a, b] = await pair();
    a.say("hello");
    expect(await a.take()).toEqual([`${a.address} echo: hello`]);
    expect(await b.take()).toEqual([`${a.address} echo: hello`]);
  });

  it("sends binary to everyone as it is", async () => {
    const [a, b] = await pair();
    a.say(Buffer.from([0, 255, 1]));
    expect(await a.take()).toEqual([Buffer.from([0, 255, 1])]);
    expect(await b.take()).toEqual([Buffer.from([0, 255, 1])]);
  });

  it.each(["[]", "null", "12", '"type"', "{}", '{"type":1}', '{"type":null}', '[{"type":"hello"}]', '{"type":"hello"', "", " "])(
    "treats %j as ordinary text",
    async (text) => {
      const [a] = await pair();
      a.say(text);
      expect(await a.take()).toEqual([`${a.address} echo: ${text}`]);
    },
  );

  it("never sends JSON to a client that sent none", async () => {
    const [plain, page] = await pair();
    page.command("hello");
    page.command("join", { room: "r" });
    page.command("say", { room: "r", text: "x" });
    page.command("direct", { to: plain.id, text: "psst" });
    await page.take();
    page.leave();
    expect(await plain.take()).toEqual([`${page.address} direct: psst`]);
  });
});

describe("hello", () => {
  it("answers with the own id, the own address and everyone who is here", async () => {
    const [a, b] = await pair();
    a.command("hello", {});
    const members = [
      { id: a.id, address: a.address },
      { id: b.id, address: b.address },
    ];
    expect(await a.take()).toEqual([{ type: "welcome", payload: { id: a.id, address: a.address, members } }]);
  });

  it("tells who comes and who goes from then on", async () => {
    const { handler } = createChatRealtime();
    const a = await MemoryClient.open(handler);
    a.command("hello");
    await a.take();
    const b = await MemoryClient.open(handler);
    expect(await a.take()).toEqual([{ type: "joined", payload: { id: b.id, address: b.address } }]);
    b.leave();
    expect(await a.take()).toEqual([{ type: "left", payload: { id: b.id, address: b.address } }]);
  });
});

describe("direct", () => {
  it("reaches one client, and the sender as a copy", async () => {
    const [a, b, c] = await three();
    for (const client of [a, b, c]) client.command("hello");
    for (const client of [a, b, c]) await client.take();
    a.command("direct", { to: b.id, text: "psst" });
    const direct = { type: "direct", payload: { from: a.id, to: b.id, text: "psst" } };
    expect(await a.take()).toEqual([direct]);
    expect(await b.take()).toEqual([direct]);
    expect(await c.take()).toEqual([]);
  });

  it("to oneself comes once", async () => {
    const [a] = await pair();
    a.command("direct", { to: a.id, text: "note" });
    expect(await a.take()).toEqual([{ type: "direct", payload: { from: a.id, to: a.id, text: "note" } }]);
  });

  it("to nobody is an error", async () => {
    const [a] = await pair();
    a.command("direct", { to: "nobody", text: "x" });
    expect(await errorCode(a)).toBe("unknown-client");
  });
});

describe("rooms", () => {
  it("carry what their members say to their members only", async () => {
    const [a, b] = await pair();
    a.command("join", { room: "r" });
    expect(await a.take()).toEqual([{ type: "room-joined", payload: { room: "r", count: 1 } }]);
    a.command("say", { room: "r", text: "x" });
    expect(await a.take()).toEqual([{ type: "room", payload: { room: "r", from: a.id, text: "x" } }]);
    b.command("join", { room: "r" });
    expect(await b.take()).toEqual([{ type: "room-joined", payload: { room: "r", count: 2 } }]);
    b.command("leave", { room: "r" });
    expect(await b.take()).toEqual([{ type: "room-left", payload: { room: "r" } }]);
    a.command("say", { room: "r", text: "y" });
    expect(await b.take()).toEqual([]);
  });

  it("take nothing from outside", async () => {
    const [a] = await pair();
    a.command("say", { room: "r", text: "x" });
    expect(await errorCode(a)).toBe("not-in-room");
    a.command("leave", { room: "r" });
    expect(await errorCode(a)).toBe("not-in-room");
  });

  it("called presence give no presence", async () => {
    const { handler } = createChatRealtime();
    const a = await MemoryClient.open(handler);
    a.command("join", { room: "presence" });
    await a.take();
    (await MemoryClient.open(handler)).leave();
    expect(await a.take()).toEqual([]);
  });

  it("are at most 32 for each connection, and joining again is none more", async () => {
    const [a] = await pair();
    a.command("hello");
    for (let i = 0; i < 32; i++) a.command("join", { room: `r${i}` });
    a.command("join", { room: "r0" });
    expect((await a.take()).at(-1)).toEqual({ type: "room-joined", payload: { room: "r0", count: 1 } });
    a.command("join", { room: "one more" });
    expect(await errorCode(a)).toBe("too-many-rooms");
  });
});

describe("faults", () => {
  it("answers an unknown type, also one that every object has", async () => {
    const [a] = await pair();
    for (const type of ["nonsense", "", "constructor", "__proto__"]) {
      a.command(type, {});
      expect(await errorCode(a)).toBe("unknown-type");
    }
  });

  it.each([
    ["direct", undefined],
    ["direct", null],
    ["direct", "b"],
    ["direct", { to: "b" }],
    ["direct", { to: 1, text: "x" }],
    ["direct", { to: "b", text: { toString: "x" } }],
    ["join", {}],
    ["join", []],
    ["join", { room: "" }],
    ["join", { room: "  " }],
    ["join", { room: "x".repeat(65) }],
    ["leave", { room: 7 }],
    ["say", { room: "r" }],
  ])("answers a bad payload: %s %j", async (type, payload) => {
    const [a] = await pair();
    a.command(type, payload);
    expect(await errorCode(a)).toBe("bad-payload");
  });
});
