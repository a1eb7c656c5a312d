import { describe, expect, it } from "vitest";
import { createChatHandler } from "../src/chat-handler.ts";
import { createChatHub } from "../src/rooms.ts";
import { FakeClient } from "./fake-connection.ts";

function clients(...ids: string[]): FakeClient[] {
  const handler = createChatHandler(createChatHub());
  return ids.map((id) => new FakeClient(handler, id));
}

function pair(): [FakeClient, FakeClient] {
  return clients("a", "b") as [FakeClient, FakeClient];
}

function errorCode(client: FakeClient): unknown {
  const [reply, ...rest] = client.take() as { type: string; payload: { code: string; message: string } }[];
  expect(rest).toEqual([]);
  expect(reply).toMatchObject({ type: "error", payload: { message: expect.any(String) } });
  return reply?.payload.code;
}

describe("plain messages", () => {
  it("sends a text to everyone, the sender too, with the sender's address", () => {
    const [a, b] = pair();
    a.say("hello");
    expect(a.take()).toEqual(["127.0.0.1:a echo: hello"]);
    expect(b.take()).toEqual(["127.0.0.1:a echo: hello"]);
  });

  it("sends binary to everyone as it is", () => {
    const [a, b] = pair();
    a.say(Buffer.from([0, 255, 1]));
    expect(a.take()).toEqual([Buffer.from([0, 255, 1])]);
    expect(b.take()).toEqual([Buffer.from([0, 255, 1])]);
  });

  it.each(["[]", "null", "12", '"type"', "{}", '{"type":1}', '{"type":null}', '[{"type":"hello"}]', '{"type":"hello"', "", " "])(
    "treats %j as ordinary text",
    (text) => {
      const [a] = pair();
      a.say(text);
      expect(a.take()).toEqual([`127.0.0.1:a echo: ${text}`]);
    },
  );

  it("never sends JSON to a client that sent none", () => {
    const [plain, page] = pair();
    page.command("hello");
    page.command("join", { room: "r" });
    page.command("say", { room: "r", text: "x" });
    page.command("direct", { to: "a", text: "psst" });
    page.leave();
    expect(plain.take()).toEqual(["127.0.0.1:b direct: psst"]);
  });
});

describe("hello", () => {
  it("answers with the own id, the own address and everyone who is here", () => {
    const [a] = pair();
    a.command("hello", {});
    const members = [
      { id: "a", address: "127.0.0.1:a" },
      { id: "b", address: "127.0.0.1:b" },
    ];
    expect(a.take()).toEqual([{ type: "welcome", payload: { id: "a", address: "127.0.0.1:a", members } }]);
  });

  it("tells who comes and who goes from then on", () => {
    const handler = createChatHandler(createChatHub());
    const a = new FakeClient(handler, "a");
    a.command("hello");
    a.take();
    const b = new FakeClient(handler, "b");
    expect(a.take()).toEqual([{ type: "joined", payload: { id: "b", address: "127.0.0.1:b" } }]);
    b.leave();
    expect(a.take()).toEqual([{ type: "left", payload: { id: "b", address: "127.0.0.1:b" } }]);
  });
});

describe("direct", () => {
  it("reaches one client, and the sender as a copy", () => {
    const [a, b, c] = clients("a", "b", "c") as [FakeClient, FakeClient, FakeClient];
    for (const client of [a, b, c]) client.command("hello");
    for (const client of [a, b, c]) client.take();
    a.command("direct", { to: "b", text: "psst" });
    const direct = { type: "direct", payload: { from: "a", to: "b", text: "psst" } };
    expect(a.take()).toEqual([direct]);
    expect(b.take()).toEqual([direct]);
    expect(c.take()).toEqual([]);
  });

  it("to oneself comes once", () => {
    const [a] = pair();
    a.command("direct", { to: "a", text: "note" });
    expect(a.take()).toEqual([{ type: "direct", payload: { from: "a", to: "a", text: "note" } }]);
  });

  it("to nobody is an error", () => {
    const [a] = pair();
    a.command("direct", { to: "nobody", text: "x" });
    expect(errorCode(a)).toBe("unknown-client");
  });
});

describe("rooms", () => {
  it("carry what their members say to their members only", () => {
    const [a, b] = pair();
    a.command("join", { room: "r" });
    expect(a.take()).toEqual([{ type: "room-joined", payload: { room: "r", count: 1 } }]);
    a.command("say", { room: "r", text: "x" });
    expect(a.take()).toEqual([{ type: "room", payload: { room: "r", from: "a", text: "x" } }]);
    b.command("join", { room: "r" });
    expect(b.take()).toEqual([{ type: "room-joined", payload: { room: "r", count: 2 } }]);
    b.command("leave", { room: "r" });
    expect(b.take()).toEqual([{ type: "room-left", payload: { room: "r" } }]);
    a.command("say", { room: "r", text: "y" });
    expect(b.take()).toEqual([]);
  });

  it("take nothing from outside", () => {
    const [a] = pair();
    a.command("say", { room: "r", text: "x" });
    expect(errorCode(a)).toBe("not-in-room");
    a.command("leave", { room: "r" });
    expect(errorCode(a)).toBe("not-in-room");
  });

  it("called presence give no presence", () => {
    const handler = createChatHandler(createChatHub());
    const a = new FakeClient(handler, "a");
    a.command("join", { room: "presence" });
    a.take();
    new FakeClient(handler, "b").leave();
    expect(a.take()).toEqual([]);
  });

  it("are at most 32 for each connection, and joining again is none more", () => {
    const [a] = pair();
    a.command("hello");
    for (let i = 0; i < 32; i++) a.command("join", { room: `r${i}` });
    a.command("join", { room: "r0" });
    expect(a.take().at(-1)).toEqual({ type: "room-joined", payload: { room: "r0", count: 1 } });
    a.command("join", { room: "one more" });
    expect(errorCode(a)).toBe("too-many-rooms");
  });
});

describe("faults", () => {
  it("answers an unknown type, also one that every object has", () => {
    const [a] = pair();
    for (const type of ["nonsense", "", "constructor", "__proto__"]) {
      a.command(type, {});
      expect(errorCode(a)).toBe("unknown-type");
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
  ])("answers a bad payload: %s %j", (type, payload) => {
    const [a] = pair();
    a.command(type, payload);
    expect(errorCode(a)).toBe("bad-payload");
  });
});
