import { createRealtime, tokenOf, type Realtime, type LooseContract } from "@upwire/realtime";
import { expect, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { vectorApplication } from "../vectors/application.ts";
import { runServerVectors } from "../vectors/run-server-vectors.ts";
import type { WireClient } from "../wire-client.ts";
import type { OwnServer, Suite } from "./suite.ts";

/** One message of the server, with every member that one of them has. */
interface Said {
  readonly type?: string;
  readonly re?: number;
  readonly topic?: string;
  readonly offset?: number;
  readonly payload?: { readonly afterMs?: number; readonly epoch?: string; readonly after?: number; readonly resumed?: boolean };
}

type OfTopics = Realtime<LooseContract<"news">, string | undefined>;

const LONG = "x".repeat(64 * 1024);
/** More than a socket and its kernel take, by far. */
const MANY = 300;

/** `upwire.v1` on a route of this adapter. */
export function realtimes(suite: Suite): void {
  async function serve(restore?: Uint8Array): Promise<{ readonly server: OwnServer; readonly realtime: OfTopics }> {
    const realtime = createRealtime({
      authorize: (request) => tokenOf(request),
      topics: { news: { canSubscribe: ({ user }) => user === "ann", history: { messages: 2 * MANY, bytes: 64 * 1024 * 1024 } } },
      limits: { replayMessages: 2 * MANY, replayBytes: 64 * 1024 * 1024 },
      options: { maxQueueBytes: 256 * 1024 },
      ...(restore && { restore }),
    });
    onTestFinished(() => realtime.stop());
    return { server: await suite.serve("/ws", realtime as never), realtime };
  }

  /** A client that is subscribed to `news`, and the payload of the reply. */
  async function subscriber(server: OwnServer, since?: object): Promise<{ readonly client: WireClient; readonly subscribed: Said["payload"] }> {
    const token = Buffer.from("ann").toString("base64url");
    const client = await server.connect("/ws", { headers: { "Sec-WebSocket-Protocol": `upwire.v1, upwire.auth.${token}` } });
    expect(client.answer.header("sec-websocket-protocol")).toBe("upwire.v1");
    client.sendText(JSON.stringify({ type: "upwire.subscribe", id: 1, topic: "news", since }));
    expect(await next(client)).toMatchObject({ type: "upwire.hello" });
    const { re, payload } = await next(client);
    expect(re).toBe(1);
    return { client, subscribed: payload };
  }

  suite.it(
    "passes the vectors of upwire.v1",
    async () => {
      const application = vectorApplication();
      const { port } = await suite.serve("/ws", application.handler as never);
      const server = {
        connect: (protocols: string[]) => new WebSocket(`ws://127.0.0.1:${port}/ws`, protocols),
        act: (action: Parameters<typeof application.act>[0]) => application.act(action),
      };
      const results = await runServerVectors(server, { fastOnly: true });
      expect(results.filter(({ fault }) => fault !== undefined)).toEqual([]);
      expect(results.length).toBeGreaterThan(60);
    },
    30_000,
  );

  suite.it("loses nothing of a topic with history for a client that does not read", async () => {
    const { server, realtime } = await serve();
    const { client, subscribed } = await subscriber(server);
    expect(subscribed).toMatchObject({ after: 0, resumed: false });
    client.pause();
    const news = realtime.topic("news");
    for (let offset = 1; offset <= MANY; offset++) {
      await news.publish("headline", LONG);
      await new Promise(setImmediate);
    }
    expect(realtime.stats.topics.lagged).toBeGreaterThan(0);
    client.resume();
    for (let offset = 1; offset <= MANY; offset++) expect((await next(client)).offset).toBe(offset);
    expect(realtime.stats.topics).toMatchObject({ gaps: 0, losses: 0 });
  });

  suite.it("keeps every place over a planned restart, and tells each client when to come back", async () => {
    const before = await serve();
    const { client, subscribed } = await subscriber(before.server);
    const news = before.realtime.topic("news");
    await news.publish("headline", "heard");
    expect((await next(client)).offset).toBe(1);
    const ended = before.server.attachment.shutdown({ spreadMs: 0, retryAfterMs: 3000 });
    const { type, payload } = await next(client);
    const afterMs = payload?.afterMs ?? 0;
    expect([type, afterMs >= 3000]).toEqual(["upwire.reconnect", true]);
    expect(await client.closed).toMatchObject({ code: 1012, reason: `retry-after=${afterMs}` });
    await ended;
    await news.publish("headline", "missed");
    const restore = await before.realtime.save();
    const after = await serve(restore);
    const back = await subscriber(after.server, { epoch: subscribed?.epoch, offset: 1 });
    expect(back.subscribed).toMatchObject({ epoch: subscribed?.epoch, after: 1, resumed: true });
    expect(await next(back.client)).toMatchObject({ offset: 2, payload: "missed" });
    await after.realtime.topic("news").publish("headline", "live");
    expect(await next(back.client)).toMatchObject({ offset: 3, payload: "live" });
  });
}

async function next(client: WireClient): Promise<Said> {
  return JSON.parse((await client.nextMessage()).text) as Said;
}
