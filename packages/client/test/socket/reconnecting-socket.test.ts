/* oxlint-disable unicorn/prefer-add-event-listener -- both ways are tested */
import { CloseCode, retryOf, retryRules } from "@upwire/protocol";
import { ReconnectingSocket, type ReconnectingSocketOptions, type SocketCloseEvent } from "@upwire/client/socket";
import { afterEach, describe, expect, it, vi } from "vitest";
import { FakeClock, settle } from "../helpers/fake-clock.ts";
import { FakeNetwork } from "../helpers/fake-socket.ts";
import { FakePage } from "../helpers/page.ts";

type Arguments = ConstructorParameters<typeof ReconnectingSocket>;

class Fixture {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly socket: ReconnectingSocket;
  readonly closes: SocketCloseEvent[] = [];
  readonly events: string[] = [];

  constructor(options: ReconnectingSocketOptions = {}, url: Arguments[0] = "wss://server.test/", protocols?: Arguments[1]) {
    this.socket = new ReconnectingSocket(url, protocols, { WebSocket: this.network.WebSocket, clock: this.clock, random: () => 0, ...options });
    this.socket.addEventListener("close", (event) => this.closes.push(event));
    for (const type of ["open", "message", "error", "close"] as const) this.socket.addEventListener(type, () => this.events.push(type));
  }

  /** How long until the next try. Milliseconds. */
  get waits(): number | undefined {
    const retryAt = this.closes.at(-1)?.retryAt;
    return retryAt === undefined ? undefined : retryAt - this.clock.now();
  }
}

afterEach(() => void vi.unstubAllGlobals());

describe("a reconnecting socket", () => {
  it("has what a WebSocket has", async () => {
    const dropIn = (given: ReconnectingSocket): WebSocket => given;
    expect(dropIn).toBeTypeOf("function");
    const names = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;
    const { socket, network } = new Fixture();
    expect(names.map((name) => [ReconnectingSocket[name], socket[name]])).toEqual([0, 1, 2, 3].map((code) => [code, code]));
    expect(socket).toMatchObject({ url: "wss://server.test/", protocol: "", extensions: "", bufferedAmount: 0, binaryType: "blob", readyState: 0 });
    expect(socket).toMatchObject({ onopen: null, onmessage: null, onerror: null, onclose: null });
    const under = await network.dialled();
    Object.assign(under, { extensions: "permessage-deflate", bufferedAmount: 7 });
    socket.binaryType = "arraybuffer";
    under.accept("chat");
    expect(socket).toMatchObject({ protocol: "chat", extensions: "permessage-deflate", bufferedAmount: 7, readyState: 1 });
    expect(under.binaryType).toBe("arraybuffer");
    socket.binaryType = "blob";
    expect(under.binaryType).toBe("blob");
  });

  it("calls on-handlers and listeners with the events of each connection", async () => {
    const { socket, network, clock, events } = new Fixture();
    const handled: string[] = [];
    socket.onopen = () => handled.push("open");
    socket.onmessage = ({ data }) => handled.push(String(data));
    socket.onerror = () => handled.push("error");
    socket.onclose = ({ code, reason, wasClean }) => handled.push(`${code} ${reason} ${wasClean}`);
    (await network.dialled()).accept().message("hi");
    network.socket.end(1001, "bye");
    expect(socket.readyState).toBe(0);
    await clock.advance(1000);
    network.socket.refuse();
    expect(handled).toEqual(["open", "hi", "1001 bye true", "error", "1006  false"]);
    expect(events).toEqual(["open", "message", "close", "error", "close"]);
  });

  it("sends what waited in order, behind what the open listener sends, and as it was at the call", async () => {
    const { socket, network } = new Fixture();
    const bytes = new Uint8Array([1, 2]);
    socket.onopen = () => socket.send("hello");
    socket.send("a");
    socket.send(bytes);
    socket.send(new Blob(["b"]));
    bytes.fill(9);
    expect(socket.bufferedAmount).toBe(4);
    (await network.dialled()).accept();
    expect(network.socket.sent).toEqual(["hello", "a", new Uint8Array([1, 2]), new Blob(["b"])]);
    socket.send("now");
    expect(network.socket.sent.at(-1)).toBe("now");
  });

  it("keeps at most maxQueue messages, and none once it is over", async () => {
    const { socket } = new Fixture({ maxQueue: 2 });
    socket.send("1");
    socket.send("2");
    expect(() => socket.send("3")).toThrow(RangeError);
    socket.close();
    await settle();
    expect(() => socket.send("4")).not.toThrow();
    expect(socket.readyState).toBe(3);
  });

  it("asks functions for address and subprotocols at each try", async () => {
    let count = 0;
    const { socket, network, clock } = new Fixture(
      {},
      async () => `https://server.test/${++count}#x`,
      () => [`p${count}`, "q"],
    );
    expect(socket.url).toBe("");
    const { url, protocols } = await network.dialled();
    expect([url, protocols, socket.url]).toEqual(["wss://server.test/1#x", ["p1", "q"], url]);
    network.socket.refuse();
    await clock.advance(1000);
    expect([network.socket.url, network.socket.protocols]).toEqual(["wss://server.test/2#x", ["p2", "q"]]);
  });

  it("takes an address that cannot be had for a failed try", async () => {
    const failure = new Error("no token today");
    const url = vi.fn<() => Promise<never>>(() => Promise.reject(failure));
    const { socket, clock, events } = new Fixture({}, url);
    const errors: unknown[] = [];
    socket.addEventListener("error", (event) => errors.push((event as { error?: unknown }).error));
    await clock.advance(0);
    expect([events, errors]).toEqual([["error", "close"], [failure]]);
    await clock.advance(1000);
    expect(url).toHaveBeenCalledTimes(2);
  });

  it("refuses at once what is no URL, and a runtime without WebSocket", () => {
    expect(() => new Fixture({}, "/relative")).toThrow(TypeError);
    vi.stubGlobal("WebSocket", undefined);
    expect(() => new ReconnectingSocket("ws://server.test/")).toThrow(/package ws/);
  });

  it("takes a relative address as one of the page", async () => {
    vi.stubGlobal("location", { href: "https://page.test/a/b" });
    const { network } = new Fixture({}, "/ws");
    expect((await network.dialled()).url).toBe("wss://page.test/ws");
  });
});

describe("coming back", () => {
  it.each(retryRules.map(({ from, retry }) => [from, retry] as const))("after %i is as the table says: %s", async (code, retry) => {
    const { network, clock, waits, closes } = await lost(code);
    expect(retryOf(code)).toBe(retry);
    if (retry === false) {
      expect([closes[0]?.retryAt, clock.pending]).toEqual([undefined, 0]);
      return;
    }
    expect(waits).toBe(retry === "later" ? 5250 : 250);
    await clock.advance((waits ?? 0) - 1);
    expect(network.sockets.length).toBe(1);
    await clock.advance(1);
    expect(network.sockets.length).toBe(2);
  });

  it("waits longer after each failure, and anew after a stable connection only", async () => {
    const fixture = await lost(1006);
    const { network, clock } = fixture;
    const delays = [fixture.waits];
    for (let count = 0; count < 3; count++) {
      await clock.advance(fixture.waits ?? 0);
      network.socket.refuse();
      delays.push(fixture.waits);
    }
    await clock.advance(fixture.waits ?? 0);
    network.socket.accept();
    await clock.advance(4999);
    network.socket.end();
    delays.push(fixture.waits);
    await clock.advance(fixture.waits ?? 0);
    network.socket.accept();
    await clock.advance(5000);
    network.socket.end();
    expect([...delays, fixture.waits]).toEqual([250, 750, 1500, 3000, 6000, 250]);
  });

  it("is when the close reason says, and with back-off if that fails", async () => {
    const fixture = await lost(1012, "retry-after=1234");
    expect(fixture.waits).toBe(1234);
    await fixture.clock.advance(1234);
    fixture.network.socket.accept().end(1012, "retry-after=1234");
    expect(fixture.waits).toBe(1234 + 750);
  });

  it("is at once when the page wakes up, but not before the server said", async () => {
    const page = new FakePage();
    for (const type of ["online", "pageshow", "visibilitychange"] as const) {
      const { network, clock } = await lost(1006);
      await clock.advance(1);
      page.document.hidden = true;
      page.fire(type);
      await clock.advance(1);
      expect(network.sockets.length).toBe(1);
      page.document.hidden = false;
      page.fire(type);
      page.fire(type);
      await clock.advance(0);
      expect(network.sockets.length).toBe(2);
    }
    const { network, clock, waits } = await lost(1013);
    page.fire("online");
    await clock.advance(4999);
    expect([waits, network.sockets.length]).toEqual([5250, 1]);
    await clock.advance(1);
    expect(network.sockets.length).toBe(2);
  });

  it("happens after a handshake that failed with an error alone, as in Node 22", async () => {
    const fixture = new Fixture();
    const socket = await fixture.network.dialled();
    socket.onerror?.({ type: "error" } as never);
    expect([fixture.events, fixture.waits]).toEqual([["error", "close"], 250]);
    socket.end();
    await fixture.clock.advance(250);
    expect([fixture.events, fixture.network.sockets.length]).toEqual([["error", "close"], 2]);
  });

  it("happens after a handshake that takes too long, which is given up", async () => {
    const { network, clock, events } = new Fixture();
    const first = await network.dialled();
    await clock.advance(10_000);
    expect([events, first.closedWith]).toEqual([["close"], [undefined, undefined]]);
    first.accept().message("late");
    await clock.advance(1000);
    expect([events, network.sockets.length]).toEqual([["close"], 2]);
  });

  it.each([Number.NaN, -1, 1e300, Number.POSITIVE_INFINITY])("is never at once, with a spread of %d", async (spreadMs) => {
    const { clock, network, waits } = await lost(1006, "", { spreadMs, random: () => 0.5 });
    expect(waits).toBeGreaterThan(200);
    expect(waits).toBeLessThanOrEqual(3_600_000);
    await clock.advance(200);
    expect(network.sockets.length).toBe(1);
  });
});

describe("closing", () => {
  it("says goodbye while open, and is over when that is answered", async () => {
    const page = new FakePage();
    const { socket, network, clock, closes } = new Fixture();
    (await network.dialled()).accept();
    expect(() => socket.close(1)).toThrow("InvalidAccessError");
    socket.close(3000, "done");
    expect([network.socket.closedWith, socket.readyState, page.listening]).toEqual([[3000, "done"], 2, 3]);
    network.socket.end(3000, "done");
    expect(closes.map(({ code, retryAt }) => [code, retryAt])).toEqual([[3000, undefined]]);
    expect([socket.readyState, page.listening, clock.pending]).toEqual([3, 0, 0]);
  });

  it("gives up a handshake, or a wait, and fires one close", async () => {
    for (const ready of [async (): Promise<void> => {}, async ({ network }: Fixture): Promise<void> => (await network.dialled()).refuse()]) {
      const fixture = new Fixture();
      const { socket, clock, events } = fixture;
      await settle();
      await ready(fixture);
      const before = events.length;
      socket.close();
      socket.close();
      expect(events.length).toBe(before);
      await clock.advance(60_000);
      expect([events.slice(before), socket.readyState, clock.pending, fixture.network.sockets.length]).toEqual([["close"], 3, 0, 1]);
    }
  });

  it("is nothing new after the end", async () => {
    const { socket, closes } = await lost(CloseCode.unauthorized);
    socket.close();
    await settle();
    expect(closes.length).toBe(1);
  });
});

/** A socket that was open long enough to be stable, and has lost its connection. */
async function lost(code: number, reason = "", options: ReconnectingSocketOptions = {}): Promise<Fixture> {
  const fixture = new Fixture({ spreadMs: 0, ...options });
  (await fixture.network.dialled()).accept();
  await fixture.clock.advance(5000);
  fixture.network.socket.end(code, reason);
  return fixture;
}
