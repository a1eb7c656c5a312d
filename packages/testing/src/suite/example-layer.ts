import { expect } from "vitest";
import { createExampleLayer, type ExampleLayer, type Missed } from "../example-layer.ts";
import type { OwnServer, Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

/** One message of the layer. */
interface Said {
  readonly type: string;
  readonly topic?: string;
  readonly id?: string;
  readonly ids?: readonly string[];
  readonly number?: number;
  readonly payload?: unknown;
  readonly afterMs?: number;
}

const LONG = "x".repeat(16 * 1024);

/** What a layer above core can do with core's public names alone. */
export function exampleLayer(suite: Suite): void {
  async function serve(): Promise<{ readonly server: OwnServer; readonly layer: ExampleLayer; readonly missed: Missed[] }> {
    const missed: Missed[] = [];
    const layer = createExampleLayer((one) => missed.push(one), { maxQueueBytes: 256 * 1024 });
    return { server: await suite.serve("/ws", layer.handler), layer, missed };
  }

  /** A client that follows `tea`, and its id. */
  async function member(server: OwnServer): Promise<{ readonly client: WireClient; readonly id: string }> {
    const client = await server.connect("/ws");
    client.sendText(JSON.stringify({ type: "subscribe", topic: "tea" }));
    const { ids = [] } = await next(client);
    return { client, id: ids.at(-1) ?? "" };
  }

  suite.it("brings topics and presence: members hear of each other, and messages are numbered", async () => {
    const { server, layer } = await serve();
    const ann = await member(server);
    const bob = await member(server);
    expect(layer.members("tea")).toEqual([ann.id, bob.id]);
    expect(await next(ann.client)).toMatchObject({ type: "joined", id: bob.id });
    bob.client.sendText(JSON.stringify({ type: "publish", topic: "tea", payload: "hi" }));
    expect(layer.publish("nothing", "of this")).toBe(0);
    for (const { client } of [ann, bob]) expect(await next(client)).toEqual({ type: "message", topic: "tea", number: 1, payload: "hi" });
    void bob.client.close();
    expect(await next(ann.client)).toMatchObject({ type: "left", id: bob.id });
    ann.client.sendText(JSON.stringify({ type: "unsubscribe", topic: "tea" }));
    ann.client.sendText(JSON.stringify({ type: "publish" }));
    expect(await ann.client.closed).toMatchObject({ code: 4400, reason: "a command names its topic" });
    expect(layer.members("tea")).toEqual([]);
  });

  suite.it("tells who missed a message, the application at once and the client as soon as it reads again", async () => {
    const { server, layer, missed } = await serve();
    const slow = await member(server);
    slow.client.pause();
    let number = 0;
    while (missed.length === 0) {
      layer.publish("tea", LONG);
      number++;
      await new Promise(setImmediate);
    }
    expect(missed[0]?.connection.id).toBe(slow.id);
    slow.client.resume();
    const got: number[] = [];
    for (;;) {
      const said = await next(slow.client);
      if (said.type === "missed") {
        expect(said.number).toBe(missed.at(-1)?.number);
        break;
      }
      got.push(said.number ?? 0);
    }
    expect(got.toSorted((a, b) => a - b)).toEqual(got);
    expect(got.length + missed.length).toBe(number);
    expect(got.filter((one) => missed.some((other) => other.number === one))).toEqual([]);
  });

  suite.it("tells each client when to come back before a restart closes it", async () => {
    const { server } = await serve();
    const { client } = await member(server);
    const ended = server.attachment.shutdown({ spreadMs: 0, retryAfterMs: 3000 });
    const { type, afterMs = 0 } = await next(client);
    expect([type, afterMs >= 3000]).toEqual(["reconnect", true]);
    expect(await client.closed).toMatchObject({ code: 1012, reason: `retry-after=${afterMs}` });
    await ended;
  });
}

async function next(client: WireClient): Promise<Said> {
  return JSON.parse((await client.nextMessage()).text) as Said;
}
