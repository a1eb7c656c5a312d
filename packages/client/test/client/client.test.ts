import { createClient, RealtimeError } from "@upwire/client";
import { decodeBinaryFrame, encodeBinaryFrame } from "@upwire/protocol";
import { afterEach, describe, expect, it, vi } from "vitest";
import { settle } from "../helpers/fake-clock.ts";
import { Fixture } from "../helpers/fixture.ts";
import { FakePage } from "../helpers/page.ts";

afterEach(() => void vi.unstubAllGlobals());

describe("a client", () => {
  it("is open after hello, and subscribes before it sends what waited", async () => {
    const { client, network } = new Fixture();
    const states: string[] = [];
    client.onStatus(({ state }) => states.push(state));
    client.send("typing", { on: true });
    const reply = client.request("rename", { to: "x" });
    const room = client.topic("room:{room}", { room: "tea" });
    room.on("message", () => {});
    const socket = await network.dialled();
    expect([socket.url, socket.protocols]).toEqual(["ws://server.test/ws", ["upwire.v1"]]);
    socket.accept();
    expect([client.status.state, client.connectionId, socket.sent]).toEqual(["connecting", undefined, []]);
    socket.hello();
    expect([client.status.state, client.connectionId, states]).toEqual(["open", "c1", ["open"]]);
    expect(socket.sent).toMatchObject([
      { type: "upwire.subscribe", topic: "room:tea" },
      { type: "typing", payload: { on: true } },
      { type: "rename", payload: { to: "x" } },
    ]);
    socket.message({ re: socket.frames("rename")[0]?.["id"], payload: { done: true } });
    expect(await reply).toEqual({ done: true });
  });

  it("tells how it stands: waiting until when, and closed with what", async () => {
    const fixture = new Fixture();
    const { client, clock } = fixture;
    const seen: unknown[] = [];
    client.onStatus((status) => seen.push(status));
    (await fixture.open()).end(1011);
    const retryAt = clock.now() + 250;
    expect(client.connectionId).toBeUndefined();
    await clock.advance(250);
    (await fixture.open()).end(4403, "not you");
    const closed = { state: "closed", code: 4403, reason: "not you", error: undefined };
    expect(seen).toEqual([{ state: "open" }, { state: "waiting", retryAt }, { state: "connecting" }, { state: "open" }, closed]);
    expect([client.status, clock.pending]).toEqual([closed, 0]);
  });

  it("offers the token that a function gives at each try", async () => {
    let count = 0;
    const { network, clock } = new Fixture({ token: async () => (++count < 3 ? `tök?>${count}` : undefined) });
    const offered = [(await network.dialled()).protocols];
    for (let tries = 0; tries < 2; tries++) {
      network.socket.refuse();
      await clock.advance(1500);
      offered.push(network.socket.protocols);
    }
    const token = (text: string): string => `upwire.auth.${Buffer.from(text).toString("base64url")}`;
    expect(offered).toEqual([["upwire.v1", token("tök?>1")], ["upwire.v1", token("tök?>2")], ["upwire.v1"]]);
  });

  it("does not go on with a server that selects another subprotocol", async () => {
    const { network, client } = new Fixture();
    (await network.dialled()).accept("chat").hello();
    expect([client.status.state, network.socket.closedWith]).toEqual(["waiting", [undefined, undefined]]);
  });

  it("hears events by name, until the listener is taken away", async () => {
    const fixture = new Fixture();
    const { client } = fixture;
    const heard: unknown[] = [];
    const first = client.on("news", (payload) => heard.push(["a", payload]));
    client.on("news", (payload) => heard.push(["b", payload]));
    const socket = await fixture.open();
    socket.message({ type: "news", payload: 1 });
    first();
    socket.message({ type: "news", payload: 2 });
    socket.message({ type: "upwire.of-tomorrow", payload: 3 });
    expect(heard).toEqual([
      ["a", 1],
      ["b", 1],
      ["b", 2],
    ]);
  });

  it("reports listeners that fail, and calls the others", async () => {
    const fixture = new Fixture();
    const { client, errors } = fixture;
    const heard: unknown[] = [];
    client.onStatus(() => {
      throw new Error("status");
    });
    client.on("news", () => {
      throw new Error("sync");
    });
    client.on("news", () => Promise.reject(new Error("async")));
    client.on("news", (payload) => heard.push(payload));
    (await fixture.open()).message({ type: "news", payload: 1 });
    await settle();
    expect([errors.map(String), heard, client.status.state]).toEqual([["Error: status", "Error: sync", "Error: async"], [1], "open"]);
  });

  it("lives on when onError itself fails", async () => {
    const fixture = new Fixture({
      onError: () => {
        throw new Error("in onError");
      },
    });
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const socket = await fixture.open();
    socket.message("no json");
    socket.message({ type: "upwire.reconnect" });
    expect([logged.mock.calls.length, fixture.client.status.state]).toEqual([2, "open"]);
    logged.mockRestore();
  });

  it("lives on when an async onError rejects", async () => {
    const fixture = new Fixture({ onError: () => Promise.reject(new Error("in onError")) as never });
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on("unhandledRejection", note);
    (await fixture.open()).message("no json");
    await settle();
    await new Promise((resolve) => void setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect([uncaught, logged.mock.calls.map(String), fixture.client.status.state]).toEqual([[], ["Error: in onError"], "open"]);
    logged.mockRestore();
  });

  it("reports to the page, and elsewhere to the console", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const reportError = vi.fn<(error: unknown) => void>();
    vi.stubGlobal("reportError", reportError);
    for (const isPage of [false, true]) {
      if (isPage) vi.stubGlobal("document", {});
      const { clock, network } = new Fixture();
      const client = createClient("ws://server.test/", { clock, WebSocket: network.WebSocket });
      (await network.dialled())
        .accept()
        .hello()
        .message({ type: "upwire.error", payload: { code: "bad_message", message: "yours" } });
      client.close();
    }
    expect([logged.mock.calls.length, reportError.mock.calls.length]).toEqual([1, 1]);
    expect(reportError.mock.calls[0]?.[0]).toMatchObject({ name: "RealtimeError", code: "bad_message", message: "yours" });
    logged.mockRestore();
  });

  it("shows each frame, in and out", async () => {
    const fixture = new Fixture();
    const frames: string[] = [];
    const stop = fixture.client.onFrame(({ direction, data }) => frames.push(`${direction} ${data as string}`));
    (await fixture.open()).message({ type: "x" });
    fixture.client.send("y", 1);
    stop();
    fixture.client.send("z", 1);
    expect(frames).toEqual([expect.stringContaining("in {"), 'in {"type":"x"}', 'out {"type":"y","payload":1}']);
  });

  it("sends what onFrame sends once, also while it opens", async () => {
    const fixture = new Fixture();
    const { client } = fixture;
    client.onFrame(({ data }) => void ((data as string).includes('"first"') && client.send("second", 2)));
    client.send("first", 1);
    const socket = await fixture.open();
    expect(socket.sent).toEqual([
      { type: "first", payload: 1 },
      { type: "second", payload: 2 },
    ]);
  });

  it("speaks binary for bytes, as the protocol has it", async () => {
    const fixture = new Fixture();
    const { client } = fixture;
    const heard: unknown[] = [];
    client.on("blob", (payload) => heard.push(payload));
    const socket = await fixture.open();
    expect(socket.binaryType).toBe("arraybuffer");
    client.send("blob", new Uint8Array([1, 2, 3]));
    const sent = decodeBinaryFrame(socket.sent[0] as Uint8Array);
    expect([sent?.header, [...(sent?.payload ?? [])]]).toEqual([{ type: "blob" }, [1, 2, 3]]);
    socket.message(Uint8Array.from(encodeBinaryFrame({ type: "blob" }, new Uint8Array([4, 5]))).buffer);
    expect(heard).toEqual([new Uint8Array([4, 5])]);
  });

  it("takes a hello that tells nothing, and ignores a second one", async () => {
    const fixture = new Fixture();
    const socket = (await fixture.network.dialled()).accept();
    socket.message({ type: "upwire.hello", payload: {} });
    fixture.client.send("once", 1);
    socket.hello({ connectionId: "other" });
    expect([fixture.client.status.state, fixture.client.connectionId, socket.frames("once").length]).toEqual(["open", undefined, 1]);
    await fixture.clock.advance(24_999);
    expect(socket.frames("upwire.ping").length).toBe(0);
    await fixture.clock.advance(1);
    expect(socket.frames("upwire.ping").length).toBe(1);
  });

  it("comes back when upwire.reconnect says, counted from the close", async () => {
    const fixture = await stable();
    const { client, clock, network } = fixture;
    network.socket.message({ type: "upwire.reconnect", payload: { afterMs: 3000 } });
    await clock.advance(1000);
    network.socket.end(1006);
    expect(client.status).toEqual({ state: "waiting", retryAt: clock.now() + 3000 });
    await clock.advance(3000);
    await fixture.open();
    await clock.advance(5000);
    network.socket.end(1006);
    expect(client.status).toEqual({ state: "waiting", retryAt: clock.now() + 250 });
  });

  it("spreads as its server says", async () => {
    const { client, clock, network } = await stable({ spreadMs: 4000 }, { random: () => 1 });
    network.socket.end(1012);
    expect(client.status).toEqual({ state: "waiting", retryAt: clock.now() + 250 + 5000 });
  });

  it("closes for good: everything rejects, and nothing is left", async () => {
    const page = new FakePage();
    const fixture = new Fixture();
    const { client, clock } = fixture;
    const socket = await fixture.open();
    const asked = fixture.ask().catch(String);
    const keyed = fixture.ask({ key: true }).catch(String);
    client.topic("room:{room}", { room: "tea" }).on("message", () => {});
    client.close(4000, "bye");
    client.close();
    expect([client.status, socket.closedWith]).toEqual([{ state: "closed", code: 4000, reason: "bye", error: undefined }, [4000, "bye"]]);
    socket.end(4000, "bye");
    expect([await asked, await keyed, await fixture.ask().catch(String)]).toEqual([
      "RealtimeError: connection_lost",
      "RealtimeError: closed",
      "RealtimeError: closed",
    ]);
    expect([client.send("x", 1), clock.pending, page.listening]).toEqual([false, 0, 0]);
  });

  it("is closed by disposal, also while it connects", async () => {
    const fixture = new Fixture();
    const socket = await fixture.network.dialled();
    fixture.client[Symbol.dispose]();
    await settle();
    expect([fixture.client.status.state, socket.closedWith, fixture.clock.pending]).toEqual(["closed", [undefined, undefined], 0]);
    socket.accept().hello();
    expect(fixture.client.status.state).toBe("closed");
  });

  it("refuses at once what is no URL, and a runtime without WebSocket", () => {
    expect(() => createClient("/ws")).toThrow(TypeError);
    vi.stubGlobal("WebSocket", undefined);
    expect(() => createClient("ws://server.test/")).toThrow(/package ws/);
  });

  it("reports an address that cannot be had, and tries again", async () => {
    // With a client of its own, which has made one socket.
    const { network, clock } = new Fixture();
    const errors: unknown[] = [];
    const token = vi.fn<() => Promise<never>>(() => Promise.reject(new RealtimeError("unavailable")));
    const client = createClient(async () => "ws://server.test/", { token, clock, WebSocket: network.WebSocket, onError: (error) => void errors.push(error) });
    await clock.advance(5000);
    expect([errors.length > 1, errors.length, network.sockets.length]).toEqual([true, token.mock.calls.length, 1]);
    client.close();
  });
});

/** A client whose connection has lasted. */
async function stable(hello: object = {}, options: object = {}): Promise<Fixture> {
  const fixture = new Fixture(options);
  await fixture.open(hello);
  await fixture.clock.advance(5000);
  return fixture;
}
