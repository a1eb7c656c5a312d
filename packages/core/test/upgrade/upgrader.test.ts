import { createServer, get, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { once } from "node:events";
import { attach, refuse, Upgrader, websocket, type Connection } from "@upwire/core";
import { handOverTo, type Refusal } from "@upwire/core/adapter";
import { handshakeCases, runHandshakes, WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { FakeClock } from "../helpers/fake-clock.ts";
import { closing, nextMessage, serve } from "../helpers/served.ts";

function refusedStatus(port: number, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, { headers });
  return new Promise((resolve, reject) => {
    client.once("unexpected-response", (_req, res) => resolve(res));
    client.once("open", () => reject(new Error("was let in")));
    client.once("error", () => {});
  });
}

describe("options", () => {
  it.each([
    [{ maxMessageBytes: 0 }],
    [{ maxMessageBytes: Number.POSITIVE_INFINITY }],
    [{ maxQueueBytes: -1 }],
    [{ handshakeTimeoutMs: 1.5 }],
    [{ slowConsumer: "whatever" as never }],
    [{ pingIntervalMs: Number.NaN }],
    [{ origin: ["example.com"] }],
  ])("%j is refused at construction", (options) => {
    expect(() => new Upgrader(options)).toThrow();
  });

  it("lets 0 switch off only what may be off", () => {
    expect(() => new Upgrader({ pingIntervalMs: 0, idleTimeoutMs: 0 })).not.toThrow();
    expect(() => new Upgrader({ closeTimeoutMs: 0 })).toThrow(RangeError);
  });
});

describe("decisions", () => {
  it("gives what authorize returns to the connection, typed", async () => {
    const upgrader = new Upgrader({
      authorize: (request) => (request.query.get("token") === "t" ? { user: "ann" } : refuse(401, "who?", { "www-authenticate": "Bearer" })),
    });
    const contexts: { user: string }[] = [];
    const server = createServer((req, res) => void upgrader.upgrade(req, res, { open: (connection) => void contexts.push(connection.context) }));
    attach(server);
    await new Promise<void>((listening) => {
      server.listen(0, "127.0.0.1", listening);
    });
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const refused = await refusedStatus(port);
    expect([refused.statusCode, refused.headers["www-authenticate"], (await refused.toArray()).join("")]).toEqual([401, "Bearer", "who?"]);
    const client = new WebSocket(`ws://127.0.0.1:${port}/?token=t`);
    await once(client, "open");
    expect(contexts).toEqual([{ user: "ann" }]);
  });

  it("refuses when authorize returns false, and answers 500 and reports when it throws", async () => {
    const errors: unknown[] = [];
    const refusals: Refusal[] = [];
    const no = await serve(undefined, { authorize: () => false, onReject: (refusal) => void refusals.push(refusal) });
    expect((await refusedStatus(no.port)).statusCode).toBe(403);
    expect(refusals.map(({ code }) => code)).toEqual(["ERR_FORBIDDEN"]);
    const fault = new Error("database down");
    const broken = await serve(undefined, { authorize: () => Promise.reject(fault), onError: (error) => void errors.push(error) });
    const answer = await refusedStatus(broken.port);
    expect([answer.statusCode, errors]).toEqual([500, [fault]]);
    expect((await answer.toArray()).join("")).not.toContain("database");
  });

  it("survives hooks that throw", async () => {
    const fail = (): never => {
      throw new Error("hook");
    };
    const served = await serve(undefined, { origin: ["https://a.test"], onReject: fail, onError: fail });
    expect((await refusedStatus(served.port, { origin: "https://b.test" })).statusCode).toBe(403);
  });

  it("puts headers on the 101, Set-Cookie included, and keeps its own", async () => {
    const served = await serve(undefined, { headers: { "X-One": "1", "Set-Cookie": ["a=1", "b=2"], Upgrade: "h2c" } });
    const client = new WebSocket(`ws://127.0.0.1:${served.port}/`);
    const [answer] = (await once(client, "upgrade")) as [IncomingMessage];
    expect(answer.headers).toMatchObject({ "x-one": "1", "set-cookie": ["a=1", "b=2"], upgrade: "websocket" });
  });

  it("picks a subprotocol by the server's preference, or by a function that cannot invent one", async () => {
    const list = await serve(undefined, { subprotocols: ["v2", "v1"] });
    const client = new WebSocket(`ws://127.0.0.1:${list.port}/`, ["v1", "v2"]);
    await once(client, "open");
    expect(client.protocol).toBe("v2");
    expect((await list.nextConnection()).subprotocol).toBe("v2");
    const invented = await serve(undefined, { subprotocols: () => "v9" });
    await invented.client();
    expect((await invented.nextConnection()).subprotocol).toBe("");
  });

  it("answers 500 with advice when nobody called attach", async () => {
    const upgrader = new Upgrader();
    const server = createServer((req, res) => void upgrader.upgrade(req, res));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const answer = await refusedStatus((server.address() as AddressInfo).port);
    expect(answer.statusCode).toBe(500);
    expect((await answer.toArray()).join("")).toContain("attach(server)");
  });

  it("compresses when both want it", async () => {
    const served = await serve({ message: (connection, message) => void connection.send(message) }, { compression: { thresholdBytes: 16 } });
    const client = await served.client();
    expect(client.extensions).toContain("permessage-deflate");
    const text = "abc".repeat(1000);
    const got = nextMessage(client);
    client.send(text);
    expect((await got).text).toBe(text);
  });
});

describe("the deadline of the handshake", () => {
  it("answers 408 when the application takes too long, and the late answer goes nowhere", async () => {
    const clock = new FakeClock();
    let late: ((context: object) => void) | undefined;
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const served = await serve(
      undefined,
      {
        clock,
        handshakeTimeoutMs: 3000,
        authorize: () => {
          asked();
          return new Promise<object>((resolve) => {
            late = resolve;
          });
        },
      },
      { clock },
    );
    const answer = refusedStatus(served.port);
    await isAsked;
    clock.advance(3000);
    expect((await answer).statusCode).toBe(408);
    late?.({});
    expect(served.attachment.count).toBe(0);
  });
});

describe("attach", () => {
  it("refuses to be called twice on one server", () => {
    const server = createServer();
    attach(server);
    expect(() => attach(server)).toThrow(/already/);
  });

  it("closes the clients with the server", async () => {
    const served = await serve(undefined);
    const client = await served.client();
    const code = closing(client);
    await new Promise((closed) => served.server.close(closed));
    expect(await code).toEqual({ code: 1001, reason: "going away" });
  });

  it("refuses with 503 while it closes", async () => {
    const served = await serve(undefined);
    const stuck = await served.client();
    stuck.pause();
    const closed = served.attachment.close({ graceMs: 200 });
    const answer = await refusedStatus(served.port);
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "1"]);
    await closed;
    expect(served.attachment.count).toBe(0);
  });

  it.each(["before", "after"])("leaves a socket alone that a listener registered %s it answered", async (order) => {
    const wss = new WebSocketServer({ noServer: true });
    const server = createServer((_req, res) => void res.writeHead(404).end());
    const other = (): void => {
      server.on("upgrade", (req, socket, head) => {
        if (req.url === "/other") wss.handleUpgrade(req, socket, head, (ws) => ws.send("other"));
      });
    };
    if (order === "before") other();
    attach(server, { handshakeTimeoutMs: 100 });
    if (order === "after") other();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}/other`);
    expect((await nextMessage(client)).text).toBe("other");
    client.terminate();
    expect((await refusedStatus(port)).statusCode).toBe(404);
  });

  it.each([
    ["says no, and nobody else is there", 1],
    ["throws beside another listener", 2],
  ])("answers when `match` %s", async (_title, listeners) => {
    const server = createServer((_req, res) => void res.writeHead(404).end());
    attach(server, {
      handshakeTimeoutMs: 100,
      match: () => {
        if (listeners === 1) return false;
        throw new Error("match");
      },
    });
    if (listeners === 2) server.on("upgrade", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    expect((await refusedStatus((server.address() as AddressInfo).port)).statusCode).toBe(404);
  });

  // What was written on that connection before is not an answer to the handshake.
  it("takes a handshake behind another request on the same connection, beside another listener", async () => {
    const echo = websocket({ message: (connection, message) => void connection.send(message) });
    const server = createServer((req, res) => void (req.url === "/ws" ? echo(req, res) : res.writeHead(404).end()));
    attach(server);
    server.on("upgrade", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const cases = handshakeCases.filter(({ id }) => id.startsWith("9112-9.3-"));
    const { total, failing } = await runHandshakes(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`, { cases, timeoutMs: 1000 });
    expect([total > 0, failing]).toEqual([true, []]);
  });

  it("gives up a plugin that does not answer, behind another request on the same connection too", async () => {
    const clock = new FakeClock();
    const server = createServer((_req, res) => void res.writeHead(404).end());
    const handedOver = new Promise<void>((resolve) => {
      attach(server, { clock, handOver: handOverTo(() => resolve()) });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const plain = await WireClient.connect({ port, headers: { Upgrade: null, Connection: null } });
    expect(plain.status).toBe(404);
    const client = await WireClient.over(plain.socket, { port });
    await handedOver;
    clock.advance(10_000);
    expect((await client.answered).status).toBe(408);
    await client.closed;
  });

  it("serves another protocol's upgrade the ordinary page", async () => {
    const server = createServer((_req, res) => void res.end("page"));
    attach(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const req = get({ port, host: "127.0.0.1", headers: { connection: "upgrade", upgrade: "h2c" } });
    const [res] = (await once(req, "response")) as [IncomingMessage];
    expect((await res.toArray()).join("")).toBe("page");
  });

  it("answers 500 when the request listener throws", async () => {
    const server = createServer(() => {
      throw new Error("listener");
    });
    attach(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    expect((await refusedStatus((server.address() as AddressInfo).port)).statusCode).toBe(500);
  });
});

describe("a client that resets while the application decides", () => {
  it("costs nothing, and nobody waits for it", async () => {
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    let decide = (): void => {};
    const upgrader = new Upgrader({
      authorize: () => {
        asked();
        return new Promise<undefined>((resolve) => {
          decide = () => resolve(undefined);
        });
      },
    });
    const results: Promise<Connection<undefined> | undefined>[] = [];
    const server = createServer((req, res) => void results.push(upgrader.upgrade(req, res)));
    attach(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const closed = new Promise((resolve) => server.once("upgrade", (_req, socket) => socket.once("close", resolve)));
    const raw = connect(port, "127.0.0.1");
    raw.on("error", () => {});
    raw.write(
      `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    );
    await isAsked;
    raw.resetAndDestroy();
    await closed;
    decide();
    expect(await results[0]).toBeUndefined();
  });
});

describe("handlers", () => {
  it.each(["open", "message"] as const)("that fail in %s close with 1011, reported, and hurt nobody else", async (hook) => {
    const errors: unknown[] = [];
    const served = await serve({ [hook]: () => Promise.reject(new Error("sorry")) }, { onError: (error) => void errors.push(error) });
    const client = new WebSocket(`ws://127.0.0.1:${served.port}/`);
    const closed = closing(client);
    client.once("open", () => client.send("x"));
    expect(await closed).toEqual({ code: 1011, reason: "internal error" });
    expect(errors).toMatchObject([{ message: "sorry" }]);
  });

  it("get every message that came while an async open ran, in order", async () => {
    const got: string[] = [];
    let opened = (): void => {};
    let all = (): void => {};
    const complete = new Promise<void>((resolve) => {
      all = resolve;
    });
    const served = await serve({
      open: () =>
        new Promise<void>((resolve) => {
          opened = resolve;
        }),
      message: (_connection, message) => {
        if (got.push(message.text()) === 3) all();
      },
    });
    const client = await served.client();
    const connection = await served.nextConnection();
    for (const text of ["1", "2", "3"]) client.send(text);
    await new Promise((turn) => setImmediate(turn));
    expect(got).toEqual([]);
    opened();
    await complete;
    expect(got).toEqual(["1", "2", "3"]);
    expect(connection.state).toBe("open");
  });
});
