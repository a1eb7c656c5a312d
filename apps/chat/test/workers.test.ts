import { linkedBrokers } from "@upwire/testing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createChatRealtime, type Chat } from "../src/chat-realtime.ts";
import { MemoryClient } from "./memory-client.ts";

/** One chat in two processes. */
function twoWorkers(): [Chat, Chat] {
  const network = linkedBrokers();
  const chats = [1, 2].map((number) => createChatRealtime({ worker: { number, broker: network.broker() } })) as [Chat, Chat];
  onTestFinished(async () => void (await Promise.all(chats.map((chat) => chat.stop()))));
  return chats;
}

/** Takes until `expected` is among what came. */
async function gets(client: MemoryClient, expected: unknown): Promise<unknown[]> {
  const got: unknown[] = [];
  await vi.waitFor(async () => {
    got.push(...(await client.take()));
    expect(got).toContainEqual(expected);
  });
  return got;
}

async function openV1(chat: Chat, ...topics: string[]): Promise<MemoryClient> {
  const client = await MemoryClient.open(chat.handler, "upwire.v1");
  await gets(client, expect.objectContaining({ type: "upwire.hello" }));
  for (const [id, topic] of topics.entries()) {
    client.sendJson({ type: "upwire.subscribe", id: id + 1, topic });
    await gets(client, expect.objectContaining({ re: id + 1 }));
  }
  return client;
}

describe("a chat of two workers", () => {
  it("is one lobby, for plain clients as well", async () => {
    const [one, two] = twoWorkers();
    const [plain, other] = [await MemoryClient.open(one.handler), await MemoryClient.open(two.handler)];
    const v1 = await openV1(two, "lobby");
    plain.say("from plain");
    const payload = { from: plain.id, address: plain.address, text: "from plain" };
    await gets(v1, { topic: "lobby", offset: 1, type: "message", payload });
    await gets(other, `${plain.address} echo: from plain`);

    v1.sendJson({ type: "say", id: 7, payload: { text: "from v1" } });
    await gets(plain, `${v1.address} echo: from v1`);
    plain.say(Buffer.from([1, 2, 3]));
    await gets(other, Buffer.from([1, 2, 3]));
    // Once, although two workers have it.
    expect((await gets(v1, expect.objectContaining({ type: "binary" }))).filter((frame) => (frame as { type: string }).type === "binary")).toHaveLength(1);
  });

  it("knows everybody, and which worker has them", async () => {
    const [one, two] = twoWorkers();
    const here = await MemoryClient.open(one.handler);
    const there = await openV1(two);
    there.sendJson({ type: "upwire.subscribe", id: 1, topic: "people" });
    const persons = [
      { id: there.id, address: there.address, worker: 2 },
      { id: here.id, address: here.address, worker: 1 },
    ];
    await gets(there, { re: 1, payload: { resumed: false, state: persons } });
    here.leave();
    await gets(there, { topic: "people", type: "left", payload: persons[1] });
  });

  it("counts a room over both", async () => {
    const [one, two] = twoWorkers();
    const [here, there] = [await MemoryClient.open(one.handler), await MemoryClient.open(two.handler)];
    here.command("join", { room: "tea" });
    await gets(here, { type: "room-joined", payload: { room: "tea", count: 1 } });
    there.command("join", { room: "tea" });
    await gets(there, { type: "room-joined", payload: { room: "tea", count: 2 } });
    there.command("say", { room: "tea", text: "hi" });
    await gets(here, { type: "room", payload: { room: "tea", from: there.id, text: "hi" } });
  });

  it("takes a direct message to the worker that has its receiver, in the receiver's own words", async () => {
    const [one, two] = twoWorkers();
    const [plain, v1] = [await MemoryClient.open(one.handler), await openV1(two)];
    const direct = { from: v1.id, to: plain.id, text: "psst" };
    v1.sendJson({ type: "direct", id: 1, payload: { to: plain.id, text: "psst" } });
    await gets(v1, { re: 1, payload: direct });
    await gets(plain, `${v1.address} direct: psst`);

    plain.command("direct", { to: v1.id, text: "what?" });
    await gets(v1, { type: "direct", payload: { from: plain.id, to: v1.id, text: "what?" } });
    plain.command("direct", { to: "nobody", text: "hello?" });
    await gets(plain, { type: "error", payload: { code: "unknown-client", message: "Nobody here has this id" } });
  });

  it("tells the pages of both who is writing", async () => {
    const [one, two] = twoWorkers();
    const [writer, beside, there] = [await openV1(one), await openV1(one), await openV1(two)];
    writer.sendJson({ type: "typing", payload: {} });
    const frame = { type: "typing", payload: { address: writer.address } };
    await Promise.all([beside, there].map((client) => gets(client, frame)));
    expect(await writer.take()).toEqual([]);
  });

  it("tells pages that everybody is gone whom a killed worker had, when that is there anew", async () => {
    const network = linkedBrokers();
    const one = createChatRealtime({ worker: { number: 1, broker: network.broker() } });
    onTestFinished(() => one.stop());
    const page = await openV1(one, "people");
    const two = createChatRealtime({ worker: { number: 2, broker: network.broker() } });
    onTestFinished(() => two.stop());
    await gets(page, { topic: "people", type: "gone", payload: { worker: 2 } });
  });

  it("tells the time once", async () => {
    const [one, two] = twoWorkers();
    const [page, plain] = [await openV1(two, "clock"), await MemoryClient.open(two.handler)];
    for (const chat of [one, two]) chat.tellTime("12:00:00");
    await gets(plain, "Server broadcast: Current time is 12:00:00");
    const got = await gets(page, { topic: "clock", type: "time", payload: { time: "12:00:00" } });
    expect([...got, ...(await page.take())]).toHaveLength(1);
  });
});
