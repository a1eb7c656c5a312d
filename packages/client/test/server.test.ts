import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createClient, type Client, type ClientOptions } from "@upwire/client";
import { attach, refuse, websocket } from "@upwire/core";
import { createRealtime, RealtimeError, tokenOf, type Realtime } from "@upwire/realtime";
import { defineContract, request, topic, type StandardSchema } from "@upwire/protocol";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";

function schema<Value>(fits: (value: unknown) => boolean): StandardSchema<Value> {
  const validate = (value: unknown) => (fits(value) ? { value: value as Value } : { issues: [{ message: "does not fit" }] });
  return { "~standard": { version: 1, vendor: "test", validate } };
}
const aText = schema<{ readonly text: string }>((value) => typeof (value as { text?: unknown } | null)?.text === "string");
const aNumber = schema<number>((value) => typeof value === "number");

const contract = defineContract({
  events: { note: aText },
  requests: { double: request(aNumber, aNumber), wait: request(aText, aText) },
  topics: { "room:{room}": topic({ events: { message: aText } }), "board:{board}": topic({ events: { message: aText }, state: aText }) },
});
type AppContract = typeof contract;

/** A server on a port that it keeps when it is started anew. */
class App {
  realtime!: Realtime<AppContract, string>;
  readonly waits: string[] = [];
  port = 0;
  #server!: Server;
  readonly #sockets = new Set<Duplex>();

  async start(restore?: Uint8Array): Promise<void> {
    this.realtime = createRealtime(contract, {
      authorize: (upgrade) => tokenOf(upgrade) ?? refuse(401),
      expectedClients: 1,
      requests: {
        double: ({ payload }) => {
          if (payload < 0) throw new RealtimeError("negative", "no");
          return payload * 2;
        },
        wait: ({ payload, signal }) => {
          this.waits.push(payload.text);
          return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new RealtimeError("cancelled"))));
        },
      },
      events: { note: ({ payload, connection }) => void this.realtime.connection(connection.id)?.send("note", { text: `${payload.text}!` }) },
      topics: {
        "room:{room}": { canSubscribe: ({ room }) => room !== "locked", canPublish: () => true },
        "board:{board}": { canSubscribe: () => true, state: ({ board }) => ({ text: board }) },
      },
      ...(restore && { restore }),
    });
    const route = websocket(this.realtime);
    this.#server = createServer((req, res) => void route(req, res));
    attach(this.#server);
    this.#server.on("connection", (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends every TCP connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** As when the process is killed. */
  async kill(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
    await this.realtime.stop().catch(() => {});
  }

  client(options: ClientOptions = {}): Client<AppContract> {
    const client = createClient<AppContract>(`http://127.0.0.1:${this.port}/ws`, { WebSocket, token: "ada", random: () => 0, spreadMs: 0, ...options });
    onTestFinished(() => client.close());
    return client;
  }
}

async function started(): Promise<App> {
  const app = new App();
  await app.start();
  onTestFinished(() => app.kill());
  return app;
}

/** A room, and what it told. */
async function join(client: Client<AppContract>): Promise<{ readonly told: string[]; readonly publish: (text: string) => Promise<unknown> }> {
  const told: string[] = [];
  const tea = client.topic("room:{room}", { room: "tea" });
  tea.onSubscribed(({ resumed, missed }) => told.push(`subscribed ${resumed} ${missed}`));
  tea.onGap(({ reason }) => told.push(`gap ${reason}`));
  tea.on("message", ({ text }) => told.push(text));
  await vi.waitFor(() => expect(told).toEqual(["subscribed false 0"]));
  return { told, publish: (text) => tea.publish("message", { text }) };
}

const open = (client: Client<AppContract>): Promise<void> => vi.waitFor(() => expect(client.status.state).toBe("open"), 5000);

describe("a client and a real server", () => {
  it("speak events, requests and topics of one contract", async () => {
    const app = await started();
    const client = app.client();
    const notes: string[] = [];
    client.on("note", ({ text }) => notes.push(text));
    client.send("note", { text: "hi" });
    expect(await client.request("double", 21)).toBe(42);
    await expect(client.request("double", -1)).rejects.toMatchObject({ name: "RealtimeError", code: "negative" });
    await expect(client.request("double", "x" as never)).rejects.toMatchObject({ code: "invalid_payload" });
    const controller = new AbortController();
    const waiting = client.request("wait", { text: "a" }, { signal: controller.signal });
    await vi.waitFor(() => expect(app.waits).toEqual(["a"]));
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    const { told, publish } = await join(client);
    expect(await publish("one")).toEqual({ offset: 1 });
    const board = client.topic("board:{board}", { board: "b" });
    const states: string[] = [];
    board.on("state", ({ text }) => states.push(text));
    const refused = new Promise((resolve) => client.topic("room:{room}", { room: "locked" }).onEnded(resolve));
    await expect(refused).resolves.toMatchObject({ code: "forbidden" });
    await vi.waitFor(() => expect([told, states, notes]).toEqual([["subscribed false 0", "one"], ["b"], ["hi!"]]));
  });

  it("lose nothing at a cut: what was published meanwhile comes, once and in order", async () => {
    const app = await started();
    const client = app.client();
    const { told, publish } = await join(client);
    await publish("one");
    const unkeyed = client.request("wait", { text: "x" }).catch((error: { code: string }) => error.code);
    await vi.waitFor(() => expect(app.waits.length).toBe(1));
    app.cut();
    for (const text of ["two", "three", "four"]) await app.realtime.topic("room:{room}", { room: "tea" }).publish("message", { text });
    const keyed = client.request("double", 4, { key: true });
    expect([await unkeyed, await keyed]).toEqual(["connection_lost", 8]);
    await publish("five");
    await vi.waitFor(() => expect(told).toEqual(["subscribed false 0", "one", "subscribed true 3", "two", "three", "four", "five"]));
  });

  it("go on where they were after a planned restart, and tell a gap after a kill", async () => {
    const app = await started();
    const client = app.client();
    const { told, publish } = await join(client);
    await publish("one");
    const saved = await app.realtime.save();
    await app.kill();
    await app.start(saved);
    await app.realtime.topic("room:{room}", { room: "tea" }).publish("message", { text: "two" });
    await vi.waitFor(() => expect(told).toEqual(["subscribed false 0", "one", "subscribed true 1", "two"]), 5000);
    await app.kill();
    await app.start();
    await vi.waitFor(() => expect(told.slice(4)).toEqual(["subscribed false 0", "gap restarted"]), 10_000);
    await publish("three");
    expect(told.slice(6)).toEqual(["three"]);
  });

  it("agree on who is there: the token is asked for at each try, and revoked by the server", async () => {
    const app = await started();
    const tokens: string[] = [];
    const client = app.client({ token: async () => `user-${tokens.push("")}` });
    await open(client);
    expect(app.realtime.user("user-1").size).toBe(1);
    app.cut();
    await vi.waitFor(() => expect(app.realtime.user("user-2").size).toBe(1), 5000);
    void app.realtime.user("user-2").close(4401);
    await vi.waitFor(() => expect(client.status).toMatchObject({ state: "closed", code: 4401 }));
  });
});
