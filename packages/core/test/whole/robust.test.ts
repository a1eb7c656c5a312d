import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { connect, type AddressInfo } from "node:net";
import { attach, refuse, Upgrader, websocket } from "@upwire/core";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { nextMessage, serve } from "../helpers/served.ts";

async function listen(onRequest: RequestListener): Promise<number> {
  const server = createServer(onRequest);
  attach(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function handshake(port: number, { path = "/", version = "1.1", headers = "" } = {}): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `GET ${path} HTTP/${version}\r\nHost: 127.0.0.1:${port}\r\n${headers}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
  );
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (data) => {
      text += data.toString("latin1");
      if (text.startsWith("HTTP/1.1 101")) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}

const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

describe("two copies of core in one process", () => {
  it("understand each other's refusals, upgraders and messages: authorization must not fail open", async () => {
    vi.resetModules();
    const other = await import("@upwire/core");
    expect(other.Upgrader).not.toBe(Upgrader);
    const foreignRefusal = await serve(undefined, { authorize: () => other.refuse(401) });
    expect(await handshake(foreignRefusal.port, { headers: UPGRADE })).toMatch(/^HTTP\/1.1 401 /);
    const strict = new other.Upgrader({ authorize: () => other.refuse(403) });
    const port = await listen((req, res) => void websocket({ open: () => {} }, strict as never)(req, res));
    expect(await handshake(port, { headers: UPGRADE })).toMatch(/^HTTP\/1.1 403 /);
    const sender = await serve({ open: (connection) => void connection.send(new other.PreparedMessage("from the other")) });
    expect((await nextMessage(new WebSocket(`ws://127.0.0.1:${sender.port}/`))).text).toBe("from the other");
  });
});

describe("code of the user that goes wrong", () => {
  it.each(["a\r\nX-Forged: 1", "é€", "\0"])("answers 500 when a header value is %j", async (value) => {
    const errors: unknown[] = [];
    const served = await serve(undefined, { headers: () => ({ "x-echo": value }), onError: (error) => void errors.push(error) });
    const answer = await handshake(served.port, { headers: UPGRADE });
    expect(answer).toMatch(/^HTTP\/1.1 500 /);
    expect(answer).not.toContain("X-Forged");
    expect(errors).toHaveLength(1);
  });

  it("takes only `true` from an origin check", async () => {
    const served = await serve(undefined, { origin: (() => refuse(403)) as never });
    expect(await handshake(served.port, { headers: UPGRADE })).toMatch(/^HTTP\/1.1 403 /);
  });

  it.each([{ authorize: () => refuse(401) }, {}])("survives an answer that somebody else gave first (%j)", async (options) => {
    const upgrader = new Upgrader(options);
    const route = websocket({ open: () => {} }, options);
    const settled: unknown[] = [];
    const port = await listen((req, res) => {
      res.writeHead(503).end("too slow");
      if (req.url === "/upgrade") void upgrader.upgrade(req, res).then((connection) => settled.push(connection));
      else void route(req, res).then(() => settled.push(undefined));
    });
    expect(await handshake(port, { path: "/upgrade", headers: UPGRADE })).toMatch(/^HTTP\/1.1 503 /);
    expect(await handshake(port, { path: "/route", headers: UPGRADE })).toMatch(/^HTTP\/1.1 503 /);
    expect(settled).toEqual([undefined, undefined]);
  });

  it.each([[{ compression: { level: 99 } }], [{ compression: { thresholdBytes: -1 } }], [{ origin: "https://a.example" as never }]])(
    "%j is refused at construction",
    (options) => {
      expect(() => new Upgrader(options)).toThrow(/level|sizes|list/);
    },
  );

  it("refuses an attach that could never time out", () => {
    expect(() => attach(createServer(), { handshakeTimeoutMs: -1 })).toThrow(RangeError);
  });

  it("writes one Content-Type, whatever the letters in refuse()", async () => {
    const served = await serve(undefined, { authorize: () => refuse(401, "{}", { "Content-Type": "application/json" }) });
    const answer = await handshake(served.port, { headers: UPGRADE });
    expect(answer.match(/content-type: [^\r]+/gi)).toEqual(["content-type: application/json"]);
  });
});

describe("proxies that are not told about WebSocket", () => {
  it.each([
    ["1.0", "Connection: close\r\n"],
    ["1.1", "Connection: close\r\n"],
    ["1.1", "Connection: close\r\nUpgrade: websocket\r\n"],
  ])("get told what is missing (HTTP/%s, %j)", async (version, headers) => {
    const served = await serve(undefined);
    const answer = await handshake(served.port, { version, headers });
    expect(answer).toMatch(/ 426 /);
    expect(answer).toContain("proxy_set_header Upgrade");
  });
});

describe("the channel of refusals", () => {
  it("has those from before any route was reached", async () => {
    const codes: unknown[] = [];
    const listener = (message: unknown): void => void codes.push((message as { code: string }).code);
    subscribe("upwire:refused", listener);
    onTestFinished(() => void unsubscribe("upwire:refused", listener));
    const served = await serve(undefined);
    const socket = connect(served.port, "127.0.0.1");
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`);
    await once(socket, "data");
    socket.destroy();
    expect(codes).toEqual(["ERR_METHOD"]);
  });
});
