import { hasSubscribers } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { Channel, WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { attach, websocket, type Attachment, type AttachOptions, type ConnectionHandler } from "../../src/index.ts";
import { FakeClock } from "../helpers/fake-clock.ts";

const echo: ConnectionHandler = { message: (connection, message) => void connection.send(message) };
/** What `close` of an attachment gives its clients where nothing else is said. */
const GRACE_MS = 5000;

interface Running {
  readonly server: Server;
  readonly attachment: Attachment;
}

function build(handler: ConnectionHandler = echo, options: AttachOptions = {}): Running {
  const ws = websocket(handler, { onError: () => {} });
  const server = createServer((req, res) => {
    if (req.url === "/ws") void ws(req, res);
    else res.end("the page");
  });
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { server, attachment: attach(server, options) };
}

/** Listens, on `port` if it is given. */
async function listen(server: Server, port = 0): Promise<number> {
  await once(server.listen(port, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

async function connect(port: number): Promise<WireClient> {
  const client = await WireClient.connect({ port, path: "/ws" });
  onTestFinished(() => void client.socket.destroy());
  return client;
}

async function expectEcho(client: WireClient): Promise<void> {
  expect(client.status).toBe(101);
  client.sendText("hello");
  expect((await client.nextMessage()).text).toBe("hello");
}

/** What core listens to besides a server. */
const CHANNELS = ["http.server.request.start", "http.server.response.created", "http.server.response.finish", "net.server.socket"];

function subscribed(): string[] {
  return CHANNELS.filter((name) => hasSubscribers(name));
}

/** Every listener of every event, by identity and in order. */
function listenersOf(server: Server): Map<string | symbol, readonly unknown[]> {
  return new Map(server.eventNames().map((name) => [name, server.rawListeners(name)]));
}

describe("a server that is closed and listens again", () => {
  it.each(["close", "shutdown", "server.close"] as const)("opens WebSockets again after %s", async (way) => {
    const { server, attachment } = build();
    const port = await listen(server);
    const first = await connect(port);
    const ended = once(server, "close");
    if (way === "close") await attachment.close();
    if (way === "shutdown") await attachment.shutdown({ spreadMs: 0 });
    server.close();
    await ended;
    await first.closed;
    expect(attachment.isClosing).toBe(true);
    await listen(server);
    expect(attachment.isClosing).toBe(false);
    const { port: again } = server.address() as AddressInfo;
    const client = await connect(again);
    await expectEcho(client);
    expect(attachment.count).toBe(1);
    server.close();
    expect((await client.closed).code).toBe(1001);
  });

  it("can go round more than once, and keeps nothing of the rounds before", async () => {
    const { server, attachment } = build();
    const before = listenersOf(server);
    for (let round = 0; round < 3; round++) {
      const port = await listen(server);
      await expectEcho(await connect(port));
      await new Promise((closed) => server.close(closed));
      expect(attachment.count).toBe(0);
    }
    expect(listenersOf(server)).toEqual(before);
  });

  it("says that it is attached already, before and after", async () => {
    const { server } = build();
    expect(() => attach(server)).toThrow("upwire is attached to this server already");
    await listen(server);
    const ended = once(server, "close");
    server.close();
    await ended;
    expect(() => attach(server)).toThrow("upwire is attached to this server already");
  });
});

describe("detach", () => {
  it.each([
    ["before it listens", false],
    ["while it listens", true],
  ])("leaves every listener list and close as they were, %s", async (_when, listens) => {
    const server = createServer();
    server.on("upgrade", () => {});
    server.on("connection", () => {});
    server.on("request", () => {});
    if (listens) await listen(server);
    onTestFinished(() => void server.close());
    const before = listenersOf(server);
    const channels = subscribed();
    const closeOf = (): unknown => Reflect.get(server, "close");
    const close = closeOf();
    const attachment = attach(server);
    expect(listenersOf(server)).not.toEqual(before);
    attachment.detach();
    expect(listenersOf(server)).toEqual(before);
    expect(closeOf()).toBe(close);
    expect(subscribed()).toEqual(channels);
    attachment.detach();
    expect(listenersOf(server)).toEqual(before);
  });

  it("passes through where somebody has wrapped close since, and leaves that wrapper", async () => {
    const { server, attachment } = build();
    const port = await listen(server);
    const ours = server.close.bind(server);
    let calls = 0;
    const wrapper: typeof server.close = (callback) => {
      calls++;
      return ours(callback);
    };
    server.close = wrapper;
    const client = await connect(port);
    attachment.detach();
    expect(Reflect.get(server, "close")).toBe(wrapper);
    await new Promise<void>((closed) => {
      server.close(() => closed());
      // Nothing of ours tells the client: a server waits for what is open.
      client.socket.destroy();
    });
    expect([calls, attachment.isClosing]).toEqual([1, false]);
  });

  it("leaves open connections alone, and goes on counting them", async () => {
    const { server, attachment } = build();
    const port = await listen(server);
    const [first, second] = [await connect(port), await connect(port)];
    expect(attachment.count).toBe(2);
    attachment.detach();
    await expectEcho(first);
    expect(attachment.count).toBe(2);
    await second.close(1000);
    while (attachment.count > 1) await setImmediate();
    const told = first.closed;
    await attachment.close();
    expect((await told).code).toBe(1001);
    expect(attachment.count).toBe(0);
  });

  it("makes the server one without WebSockets, until it is attached again", async () => {
    const { server, attachment } = build();
    const port = await listen(server);
    attachment.detach();
    // As Node does without listeners for `upgrade`: an ordinary request, which finds no ticket.
    expect((await WireClient.connect({ port, path: "/other" })).status).toBe(200);
    const again = attach(server);
    await expectEcho(await connect(port));
    expect([attachment.count, again.count]).toEqual([0, 1]);
  });

  it("lets a handshake that is under way come to its end", async () => {
    const server = createServer();
    const attachment = attach(server);
    let letIn!: (yes: true) => void;
    const asked = new Promise<void>((resolve) => {
      const ws = websocket(echo, { authorize: () => (resolve(), new Promise<true>((decide) => (letIn = decide))) });
      server.on("request", (req, res) => void ws(req, res));
    });
    onTestFinished(() => void server.close());
    const port = await listen(server);
    const client = await WireClient.open({ port, path: "/ws" });
    onTestFinished(() => void client.socket.destroy());
    await asked;
    attachment.detach();
    letIn(true);
    await client.answered;
    await expectEcho(client);
    expect(attachment.count).toBe(1);
  });
});

describe("the callback of server.close", () => {
  const CLIENTS = 20;
  const ways = {
    "its callback": (server: Server) => new Promise<void>((resolve, reject) => server.close((error) => (error === undefined ? resolve() : reject(error)))),
    "Symbol.asyncDispose": (server: Server) => server[Symbol.asyncDispose](),
  };

  it.each(Object.entries(ways))("comes after the close hooks of all clients, and what they promised: %s", async (_name, close) => {
    const steps: string[] = [];
    const { server } = build({
      ...echo,
      close: async () => {
        steps.push("hook");
        for (let turn = 0; turn < 5; turn++) await setImmediate();
        steps.push("done");
      },
    });
    const port = await listen(server);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(port)));
    await close(server);
    steps.push("closed");
    expect(steps.filter((step) => step === "hook")).toHaveLength(CLIENTS);
    expect(steps.filter((step) => step === "done")).toHaveLength(CLIENTS);
    expect(steps.at(-1)).toBe("closed");
    await Promise.all(clients.map(({ closed }) => closed));
  });

  it("comes all the same when a hook rejects or throws", async () => {
    let hooks = 0;
    const { server } = build({
      ...echo,
      close: () => {
        if (hooks++ % 2 === 0) throw new Error("thrown");
        return Promise.reject(new Error("rejected"));
      },
    });
    const port = await listen(server);
    await Promise.all(Array.from({ length: 4 }, () => connect(port)));
    await ways["its callback"](server);
    expect(hooks).toBe(4);
  });

  it.each(Object.entries(ways))("waits for a hook that never settles no longer than the grace: %s", async (_name, close) => {
    const clock = new FakeClock();
    const hooks = new Channel<true>();
    const { server } = build({ ...echo, close: () => (hooks.push(true), new Promise<never>(() => {})) }, { clock });
    const port = await listen(server);
    const client = await connect(port);
    let isClosed = false;
    const closed = close(server).then(() => (isClosed = true));
    await client.closed;
    await hooks.next();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    expect(isClosed).toBe(false);
    clock.advance(GRACE_MS);
    await closed;
  });

  it.each(["close", "shutdown"] as const)("has its counterpart in %s of the attachment, which waits for the hooks too", async (way) => {
    let [begun, done] = [0, 0];
    const { server, attachment } = build({
      ...echo,
      close: async () => {
        begun++;
        for (let turn = 0; turn < 5; turn++) await setImmediate();
        done++;
      },
    });
    const port = await listen(server);
    await Promise.all(Array.from({ length: CLIENTS }, () => connect(port)));
    await (way === "close" ? attachment.close() : attachment.shutdown({ spreadMs: 0 }));
    expect([begun, done]).toEqual([CLIENTS, CLIENTS]);
  });

  it("waits for the hooks of clients that leave by themselves, with closeWithServer switched off", async () => {
    const steps: string[] = [];
    const { server } = build({ ...echo, close: async () => void steps.push("hook") }, { closeWithServer: false });
    const client = await connect(await listen(server));
    const closed = ways["its callback"](server).then(() => steps.push("closed"));
    await client.close(1000);
    await closed;
    expect(steps).toEqual(["hook", "closed"]);
  });

  it("comes at once where nobody is connected, with Node's error where the server does not listen", async () => {
    const { server } = build();
    await listen(server);
    await ways["its callback"](server);
    await expect(ways["its callback"](server)).rejects.toMatchObject({ code: "ERR_SERVER_NOT_RUNNING" });
  });
});
