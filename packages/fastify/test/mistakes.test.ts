import { PassThrough } from "node:stream";
import type { AddressInfo } from "node:net";
import { attach as attachCore, refuse } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import fastifyWebsocket from "@fastify/websocket";
import Fastify, { type FastifyInstance } from "fastify";
import { describe, expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/index.ts";
import { attach as attachPlugin, websocket as websocketOfPlugin } from "../src/websocket.ts";

const handler = { message: (connection: { send(data: string): boolean }): void => void connection.send("hi") };
const UPGRADE = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" };

async function messageOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return "nothing was thrown";
  } catch (error) {
    return (error as Error).message;
  }
}

async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => app.close());
  return (app.server.address() as AddressInfo).port;
}

describe("entry points that do not belong together", () => {
  it("are refused where the route is declared", async () => {
    const native = Fastify();
    await native.register(attach);
    expect(await messageOf(() => native.get("/ws", websocketOfPlugin(handler)))).toContain(
      'The route /ws has websocket of "@upwire/fastify/websocket", and attach is of "@upwire/fastify": import both from one of them',
    );
    const plugin = Fastify();
    await plugin.register(attachPlugin);
    expect(await messageOf(() => plugin.get("/ws", websocket(handler)))).toContain(
      'The route /ws has websocket of "@upwire/fastify", and attach is of "@upwire/fastify/websocket"',
    );
  });

  it("are answered at once where the route was declared before", async () => {
    const native = Fastify();
    native.get("/ws", websocketOfPlugin(handler));
    void native.register(attach);
    const one = await WireClient.connect({ port: await listen(native), path: "/ws" });
    expect([one.status, one.body]).toEqual([500, expect.stringContaining('register attach of "@upwire/fastify/websocket"')]);
    const plugin = Fastify();
    plugin.get("/ws", websocket(handler));
    void plugin.register(attachPlugin);
    const other = await WireClient.connect({ port: await listen(plugin), path: "/ws" });
    expect([other.status, other.body]).toEqual([500, expect.stringContaining("import websocket and attach from the same entry point")]);
  });
});

it("says that attach is a plugin when it is called, and what to give to the attach of core", async () => {
  const app = Fastify();
  expect(await messageOf(() => (attach as (app: unknown) => unknown)(app))).toContain("write await app.register(attach)");
  expect(await messageOf(() => (attachPlugin as (app: unknown) => unknown)(app.server))).toContain("write await app.register(attach)");
  expect(await messageOf(() => attachCore(app as never))).toContain("write await app.register(attach)");
});

it("says that @fastify/websocket cannot be beside attach, in either order", async () => {
  const before = Fastify();
  await before.register(fastifyWebsocket);
  expect(await messageOf(() => before.register(attach))).toContain('register attach of "@upwire/fastify/websocket" in place of both');
  const behind = Fastify();
  void behind.register(attach);
  void behind.register(fastifyWebsocket);
  expect(await messageOf(() => behind.ready())).toContain('register attach of "@upwire/fastify/websocket" in place of both');
  const twice = Fastify();
  await twice.register(fastifyWebsocket);
  expect(await messageOf(() => twice.register(attachPlugin))).toContain("@fastify/websocket is registered already");
});

it("says what is missing when websocket is not called", async () => {
  for (const [plugin, route] of [
    [attach, websocket],
    [attachPlugin, websocketOfPlugin],
  ] as const) {
    const app = Fastify();
    await app.register(plugin);
    expect(await messageOf(() => app.get("/ws", route as never))).toContain('write app.get("/ws", websocket(handler)) and not app.get("/ws", websocket)');
  }
  const early = Fastify();
  early.get("/ws", websocket as never);
  void early.register(attach);
  const client = await WireClient.connect({ port: await listen(early), path: "/ws" });
  expect([client.status, client.body]).toEqual([500, expect.stringContaining("write app.get(path, websocket(handler))")]);
});

it("tells inject what to write instead, with and without the headers of a handshake", async () => {
  for (const [plugin, route] of [
    [attach, websocket],
    [attachPlugin, websocketOfPlugin],
  ] as const) {
    const app = Fastify();
    await app.register(plugin);
    app.get("/ws", (route as typeof websocket)(handler));
    app.get("/closed", (route as typeof websocket)(handler, { authorize: () => refuse(401, "Sign in first") }));
    for (const headers of [UPGRADE, {}]) {
      const answer = await app.inject({ url: "/ws", headers });
      expect([answer.statusCode, answer.headers.upgrade, answer.body]).toEqual([
        426,
        "websocket",
        expect.stringContaining("in a test, write connectTo(app, path), of @upwire/testing/connect"),
      ]);
    }
    // What a client by a socket is refused too can be asked for.
    expect((await app.inject({ url: "/closed", headers: UPGRADE })).body).toBe("Sign in first");
    expect((await app.inject({ url: "/ws", headers: { ...UPGRADE, origin: "https://evil.example" } })).statusCode).toBe(403);
    await app.close();
  }
});

it("takes what Fastify itself is told with a plugin, and refuses what does not exist", async () => {
  const app = Fastify();
  await app.register(attach, { prefix: "/v1", logLevel: "warn" } as object);
  expect(await messageOf(() => Fastify().register(attach, { handshakeTimeout: 5 } as object))).toContain('write "handshakeTimeoutMs"');
});

describe("the logger of the request", () => {
  it.each([
    ["native", attach, websocket],
    ["the plugin", attachPlugin, websocketOfPlugin],
  ])("gets the errors of a request and of its connection, by %s", async (_name, plugin, route) => {
    const stream = new PassThrough();
    const app = Fastify({ logger: { stream, level: "error" }, genReqId: (req) => `id of ${req.url}` });
    await app.register(plugin);
    const fail = (): never => {
      throw new Error("a fault of the application");
    };
    app.get("/no", (route as typeof websocket)({ open: () => {} }, { authorize: fail }));
    app.get("/ws", (route as typeof websocket)({ message: fail }));
    const port = await listen(app);
    await WireClient.connect({ port, path: "/no" });
    const client = await WireClient.connect({ port, path: "/ws" });
    client.sendText("go");
    expect((await client.closed).code).toBe(1011);
    const lines = String(stream.read())
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { reqId: string; err: { message: string } });
    expect(lines.map(({ reqId, err }) => [reqId, err.message])).toEqual([
      ["id of /no", "a fault of the application"],
      ["id of /ws", "a fault of the application"],
    ]);
  });
});
