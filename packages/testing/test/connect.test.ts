import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createSecureServer, type Http2Server } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { Router } from "@koa/router";
import { attach, defineHandler, refuse, websocket as nodeWebsocket, type UpgraderOptions } from "@upwire/core";
import { websocket as expressWebsocket } from "@upwire/express";
import { attach as attachFastify, websocket as fastifyWebsocket } from "@upwire/fastify";
import { websocket as honoWebsocket } from "@upwire/hono";
import { websocket as koaWebsocket } from "@upwire/koa";
import express from "express";
import Fastify, { type FastifyInstance } from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { describe, expect, expectTypeOf, it, onTestFinished } from "vitest";
import { connectTo, RefusedError, type TestableApp } from "../src/connect/index.ts";
import { selfSigned } from "../src/self-signed.ts";

const echo = defineHandler({
  open: (connection) => void connection.send("welcome"),
  message(connection, message) {
    if (message.text() === "bye") connection.close(4001, "as you wish");
    else connection.send(message);
  },
});

const options: UpgraderOptions = {
  subprotocols: ["chat.v2", "chat.v1"],
  authorize: ({ headers }) => (headers["cookie"] === "sid=evil" ? refuse(401, "Sign in first") : undefined),
};

/** One application of each kind, with the route /ws. */
const apps: Readonly<Record<string, () => TestableApp | Promise<TestableApp>>> = {
  Express: () => express().get("/ws", expressWebsocket(echo, options)),
  "Fastify with the plugin": async () => {
    const app = Fastify();
    await app.register(attachFastify);
    return app.get("/ws", fastifyWebsocket(echo, options));
  },
  "Fastify without the plugin": () => Fastify().get("/ws", fastifyWebsocket(echo, options)),
  Hono: () => new Hono().get("/ws", honoWebsocket(echo, options)),
  Koa: () => new Koa().use(new Router().get("/ws", koaWebsocket(echo, options)).routes()),
  "a request listener": () => listener(),
  "a server": () => createServer(listener()),
  "a server that is attached": () => {
    const server = createServer(listener());
    attach(server);
    return server;
  },
  "a server with TLS": () => createTlsServer(selfSigned(), listener()),
  "an HTTP/2 server that also speaks HTTP/1.1": () => createSecureServer({ ...selfSigned(), allowHTTP1: true }, listener() as never),
};

function listener(): (req: IncomingMessage, res: ServerResponse) => void {
  const route = nodeWebsocket(echo, options);
  return (req, res) => {
    if (req.url?.startsWith("/ws") === true) void route(req, res);
    else res.writeHead(404).end("nothing here");
  };
}

describe.each(Object.entries(apps))("connectTo on %s", (_name, make) => {
  it("opens, sends, receives and closes, with the answer's headers and subprotocol", async () => {
    const app = await make();
    const client = await connectTo(app, "/ws?room=tea", { subprotocols: ["chat.v1", "other"] });
    expect(client.subprotocol).toBe("chat.v1");
    expect(client.headers["sec-websocket-accept"]).toMatch(/=$/);
    expect((await client.next()).text()).toBe("welcome");
    client.send("hello");
    client.sendJson({ a: [1] });
    client.send(Uint8Array.of(1, 2, 3));
    expect((await client.next()).text()).toBe("hello");
    expect((await client.next()).json()).toEqual({ a: [1] });
    const bytes = await client.next();
    expect([bytes.isBinary, [...bytes.bytes]]).toEqual([true, [1, 2, 3]]);
    expect(await client.close(4000, "done")).toEqual({ code: 4000, reason: "" });
    await closeFastify(app);
  });

  it("rejects with status, code and body for a refusal, and serves the next client", async () => {
    const app = await make();
    const foreign = await refusalOf(connectTo(app, "/ws", { origin: "https://evil.example" }));
    expect(foreign).toMatchObject({ status: 403, code: "ERR_ORIGIN", body: expect.stringContaining("origin") as string });
    const anonymous = await refusalOf(connectTo(app, "/ws", { headers: { cookie: "sid=evil" } }));
    expect(anonymous).toMatchObject({ status: 401, code: "ERR_UNAUTHORIZED", body: "Sign in first" });
    expect(anonymous.message).toBe('connectTo("/ws"): refused with 401 ERR_UNAUTHORIZED: Sign in first');
    expect(await refusalOf(connectTo(app, "/nothing"))).toMatchObject({ status: 404, code: undefined });
    const client = await connectTo(app, "/ws", { origin: null });
    client.send("bye");
    expect(await client.closed).toEqual({ code: 4001, reason: "as you wish" });
    await closeFastify(app);
  });
});

async function refusalOf(connecting: Promise<unknown>): Promise<RefusedError> {
  const error: unknown = await connecting.then(
    () => "it connected",
    (reason: unknown) => reason,
  );
  if (!(error instanceof RefusedError)) throw new Error("no RefusedError", { cause: error });
  return error;
}

async function closeFastify(app: TestableApp): Promise<void> {
  if ("ready" in app) await (app as FastifyInstance).close();
}

describe("the server", () => {
  it("is shared by the clients of one application, closes behind the last and listens again for the next", async () => {
    const server = createServer(listener());
    const [one, two] = await Promise.all([connectTo(server, "/ws"), connectTo(server, "/ws")]);
    await one.close();
    expect(server.listening).toBe(true);
    await two.close();
    expect([server.listening, server.listenerCount("upgrade")]).toEqual([false, 0]);
    const three = await connectTo(server, "/ws");
    expect((await three.next()).text()).toBe("welcome");
    await three.close();
    expect(server.listening).toBe(false);
  });

  it("stays as it is when it listens already", async () => {
    const server = createServer(listener());
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const client = await connectTo(server, "/ws");
    await client.close();
    await refusalOf(connectTo(server, "/nothing"));
    expect([server.listening, server.listenerCount("upgrade")]).toEqual([true, 0]);
  });

  it("closes behind a client that was refused, and behind one that the server closed", async () => {
    const server: Server = createServer(listener());
    await refusalOf(connectTo(server, "/nothing"));
    expect(server.listening).toBe(false);
    const client = await connectTo(server, "/ws");
    client.send("bye");
    await client.closed;
    await client.close();
    expect(server.listening).toBe(false);
  });

  it("closes at the end of an `await using`", async () => {
    const server = createServer(listener());
    {
      await using client = await connectTo(server, "/ws");
      expect((server.address() as AddressInfo).address).toBe("127.0.0.1");
      client.send("hello");
    }
    expect(server.listening).toBe(false);
  });

  it("is one for each client of an application that can keep nothing", async () => {
    const app = Object.freeze(listener());
    const [one, two] = await Promise.all([connectTo(app, "/ws"), connectTo(app, "/ws")]);
    await one.close();
    expect((await two.next()).text()).toBe("welcome");
    await two.close();
  });
});

describe("waiting", () => {
  it("says what was waited for, and what came before", async () => {
    const client = await connectTo(listener(), "/ws", { messageTimeoutMs: 20 });
    await client.next({ timeoutMs: 3000 });
    await expect(client.next()).rejects.toThrow(
      'connectTo("/ws"): waited for message 2: none came within 20 ms, and the connection is open; the last one was "welcome"',
    );
    client.send(`x${"y".repeat(100)}`);
    const long = await client.next({ timeoutMs: 3000 });
    expect(() => long.json()).toThrow(`connectTo: this message is no JSON: "x${"y".repeat(79)}…"`);
    client.send("bye");
    await expect(client.next({ timeoutMs: 3000 })).rejects.toThrow(
      'connectTo("/ws"): waited for message 3: the connection ended with 4001 "as you wish"; the last one was "xyy',
    );
    expect(() => client.send("late")).toThrow('connectTo("/ws"): send came too late: the connection ended with 4001 "as you wish"');
    await client.close();
  });

  it("ends a loop with the connection, behind every message", async () => {
    await using client = await connectTo(listener(), "/ws");
    const texts: string[] = [];
    for (const text of ["one", "two", "bye"]) client.send(text);
    for await (const message of client) texts.push(message.text());
    expect(texts).toEqual(["welcome", "one", "two"]);
  });

  it("gives up on a handshake that is not answered, and on a server that does not close", async () => {
    const server = createServer(() => {});
    await expect(connectTo(server, "/ws", { handshakeTimeoutMs: 20 })).rejects.toThrow('connectTo("/ws"): no answer to the handshake came within 20 ms');
    expect(server.listening).toBe(false);
    const holding = nodeWebsocket({ open: (connection) => connection.pause() });
    const client = await connectTo(holding, "/ws", { closeTimeoutMs: 20 });
    expect(await client.close()).toMatchObject({ code: 1006 });
  });

  it("gives up on the body of a refusal that never ends, and tells what came of it", async () => {
    const events = createServer((_req, res) => void res.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n"));
    const refused = await refusalOf(connectTo(events, "/events", { handshakeTimeoutMs: 200 }));
    expect([refused.status, refused.body, events.listening]).toEqual([200, "data: 1\n\n", false]);
  });
});

it("takes an Origin among the headers for the origin, in any letters, and the option before it", async () => {
  const foreign = "https://evil.example";
  for (const name of ["origin", "Origin", "ORIGIN"]) {
    expect(await refusalOf(connectTo(listener(), "/ws", { headers: { [name]: foreign } }))).toMatchObject({ code: "ERR_ORIGIN" });
  }
  await expect(refusalOf(connectTo(listener(), "/ws", { headers: { origin: "http://a.example", host: "a.example" }, origin: foreign }))).resolves.toMatchObject(
    {
      code: "ERR_ORIGIN",
    },
  );
  await (await connectTo(listener(), "/ws", { headers: { origin: "http://a.example", host: "a.example" } })).close();
});

it("refuses to close with what no browser sends, and stays open", async () => {
  const client = await connectTo(listener(), "/ws");
  const right = "is not allowed; give 1000, or a whole number from 3000 to 4999";
  for (const code of [0, 999, 1001, 1005, 1006, 2999, 5000, 3000.5, NaN]) await expect(client.close(code)).rejects.toThrow(right);
  await expect(client.close(4000, "ü".repeat(62))).rejects.toThrow("connectTo: close: the reason has 124 bytes of UTF-8; give at most 123");
  client.send("hello");
  expect([(await client.next()).text(), (await client.next()).text()]).toEqual(["welcome", "hello"]);
  expect(await client.close(4000, "ü".repeat(61))).toMatchObject({ code: 4000 });
});

describe("what cannot be meant", () => {
  it.each([
    [() => connectTo(undefined as never, "/ws"), "connectTo: undefined is nothing that can be served; give an application of Express"],
    [() => connectTo({} as never, "/ws"), "connectTo: object is nothing that can be served"],
    [() => connectTo(listener(), "ws"), 'connectTo: the path "ws" does not begin with a slash; give one like "/ws"'],
    [() => connectTo(listener(), "/ws", { protocols: [] } as never), 'connectTo: there is no option "protocols"; there are headers, origin, subprotocols'],
    [() => connectTo(listener(), "/ws", { closeTimeoutMs: 0 }), "connectTo: closeTimeoutMs: 0 is not allowed; give milliseconds from 1"],
  ])("is refused, %#", async (connect, text) => {
    await expect(connect()).rejects.toThrow(text);
  });
});

it("takes the types of the frameworks as they are, and nothing else", () => {
  type Env = { Bindings: { key: string }; Variables: { user: string } };
  expectTypeOf(express()).toExtend<TestableApp>();
  expectTypeOf(Fastify({ logger: true })).toExtend<TestableApp>();
  expectTypeOf(Fastify({ https: {} })).toExtend<TestableApp>();
  expectTypeOf(Fastify({ http2: true, https: { allowHTTP1: true } })).toExtend<TestableApp>();
  expectTypeOf(new Hono<Env>()).toExtend<TestableApp>();
  expectTypeOf(new Koa()).toExtend<TestableApp>();
  expectTypeOf(nodeWebsocket(echo)).toExtend<TestableApp>();
  expectTypeOf<(req: IncomingMessage, res: ServerResponse) => void>().toExtend<TestableApp>();
  // Middleware, which asks for a third argument, and an HTTP/2 server without HTTP/1.1, which has no upgrades.
  expectTypeOf(express.Router()).not.toExtend<TestableApp>();
  expectTypeOf<Http2Server>().not.toExtend<TestableApp>();
});
