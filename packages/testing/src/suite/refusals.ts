import { setTimeout as delay } from "node:timers/promises";
import { refuse } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import type { HandshakeInit } from "../handshake-request.ts";
import type { Suite } from "./suite.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** URL parsers throw on some of these. */
const TARGETS = ["//", "//[::1", "/%", "/%ff/..%2f", "*", "http://[", "?"];

/** DESIGN section 7: every handshake that is refused, and how. */
const faulty: readonly (readonly [title: string, init: HandshakeInit, status: number, headers?: Readonly<Record<string, string>>])[] = [
  ["the method POST", { method: "POST" }, 405, { allow: "GET" }],
  ["the method PUT", { method: "PUT" }, 405, { allow: "GET" }],
  ["version 12", { version: "12" }, 426, { "sec-websocket-version": "13" }],
  ["version 8, a draft", { version: "8" }, 426, { "sec-websocket-version": "13" }],
  ["a missing version", { version: null }, 426, { "sec-websocket-version": "13" }],
  ["two versions", { version: ["13", "13"] }, 426, { "sec-websocket-version": "13" }],
  ["a missing key", { key: null }, 400],
  ["a short key", { key: "c2hvcnQ=" }, 400],
  ["a key that is not base64", { key: "!!!!!!!!!!!!!!!!!!!!!!==" }, 400],
  ["two keys", { key: [KEY, KEY] }, 400],
  ["two Host headers", { headers: { Host: ["a.example", "b.example"] } }, 400],
  ["no Host header", { headers: { Host: null } }, 400],
  ["a subprotocol that is no token", { headers: { "Sec-WebSocket-Protocol": "v1, v 2" } }, 400],
  ["a subprotocol offered twice", { headers: { "Sec-WebSocket-Protocol": "v1, v1" } }, 400],
  ["HTTP/1.0", { httpVersion: "1.0" }, 426, { upgrade: "websocket" }],
  ["Upgrade without Connection: Upgrade", { headers: { Connection: "close" } }, 426, { upgrade: "websocket" }],
];

export function refusals(suite: Suite): void {
  suite.route("/no/echo", { message: (connection, message) => void connection.send(message) });

  for (const [title, init, status] of faulty) {
    suite.it(`answers ${status} to ${title}`, async () => {
      expect((await suite.connect("/no/echo", init)).status).toBe(status);
    });
  }

  suite.it("says in the body of every refusal what is wrong, and in a header what would be right", async () => {
    for (const [title, init, , headers = {}] of faulty) {
      const { answer } = await suite.connect("/no/echo", init);
      expect([title, answer.body]).toEqual([title, expect.stringMatching(/^[A-Z].+\n$/)]);
      for (const [name, value] of Object.entries(headers)) expect([title, answer.header(name)]).toEqual([title, value]);
    }
  });

  suite.it("counts the body of every refusal: in chunks, proxies pass it on as a broken answer", async () => {
    for (const [title, init] of faulty) {
      const { answer } = await suite.connect("/no/echo", init);
      const length = answer.header("content-length");
      expect([title, answer.header("transfer-encoding"), length]).toEqual([title, undefined, `${Buffer.byteLength(answer.body)}`]);
    }
    for (const path of ["/no/authorize/nobody", "/no/authorize/villain", "/no/authorize/bug", "/no/hangs"]) {
      const { answer } = await suite.connect(path);
      const length = answer.header("content-length");
      expect([path, answer.header("transfer-encoding"), length]).toEqual([path, undefined, `${Buffer.byteLength(answer.body)}`]);
    }
  });

  suite.it("answers 400 to a target that is neither a path nor a URL of this host", async () => {
    for (const target of ["*no/echo", "*", "*/no/echo", "http://other.example/no/echo", "ws://127.0.0.1/no/echo", "ftp://127.0.0.1/no/echo"]) {
      const client = await suite.connect(target);
      expect([target, client.status, client.body]).toEqual([target, 400, "The request target is not a path.\n"]);
    }
  });

  suite.it("answers 400 to a handshake with a body", async () => {
    const client = await suite.connect("/no/echo", { headers: { "Content-Length": "5" }, early: Buffer.from("hello") });
    expect(client.status).toBe(400);
    expect((await suite.connect("/no/echo", { headers: { "Content-Length": "0" } })).status).toBe(101);
  });

  suite.it("ends the connection after a refusal", async () => {
    const client = await suite.connect("/no/echo", { version: "12" });
    expect(client.status).toBe(426);
    await client.closed;
  });

  suite.it("answers 426 with a hint to a plain GET", async () => {
    const client = await suite.connect("/no/echo", { key: null, version: null, headers: { Upgrade: null, Connection: "close" } });
    expect([client.status, client.answer.header("upgrade")]).toEqual([426, "websocket"]);
    expect(client.body).toMatch(/upgrade request/);
  });

  suite.it("names the proxy setting when a proxy stripped the Upgrade header", async () => {
    const client = await suite.connect("/no/echo", { headers: { Upgrade: null, Connection: "close" } });
    expect([client.status, client.answer.header("upgrade")]).toEqual([426, "websocket"]);
    expect(client.body).toContain("proxy_set_header Upgrade");
  });

  suite.it("answers 404 on a path without a route, and ends the connection", async () => {
    const client = await suite.connect("/nowhere");
    expect(client.status).toBe(404);
    await client.closed;
  });

  suite.itIf("fullRefusals", "lets that 404 be the framework's own", async () => {
    const plain = await suite.connect("/nowhere", { key: null, version: null, headers: { Upgrade: null, Connection: "close" } });
    const upgrade = await suite.connect("/nowhere");
    expect([upgrade.status, upgrade.body]).toEqual([plain.status, plain.body]);
  });

  suite.it("leaves other upgrades alone: h2c on a page gets the page", async () => {
    const headers = { Upgrade: "h2c", Connection: "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABkAAQAAP__" };
    const client = await suite.connect("/http", { key: null, version: null, headers });
    expect([client.status, client.body]).toEqual([200, "http"]);
  });

  suite.itIf("fullRefusals", "gives a page to an upgrade request that asks for one", async () => {
    const client = await suite.connect("/http");
    expect([client.status, client.body]).toEqual([200, "http"]);
    await client.closed;
  });

  suite.it("answers request targets that are no paths with 4xx or 5xx, and serves on", async () => {
    for (const target of TARGETS) {
      const client = await suite.connect(target);
      expect([target, `${client.status}`]).toEqual([target, expect.stringMatching(/^[45]\d\d$/)]);
      await client.closed;
    }
    await suite.expectAlive();
  });

  const contexts = new Channel<unknown>();
  suite.route(
    "/no/authorize/:who",
    { open: (connection) => contexts.push(connection.context) },
    {
      authorize: async ({ params }) => {
        if (params["who"] === "nobody") return refuse(401, "sign in first", { "www-authenticate": "Bearer" });
        if (params["who"] === "villain") return refuse(403);
        if (params["who"] === "bug") throw new Error("a bug in authorize");
        await delay(50);
        return { user: params["who"] };
      },
    },
  );

  suite.it("lets authorize refuse with 401, a body and a header", async () => {
    const client = await suite.connect("/no/authorize/nobody");
    expect([client.status, client.body]).toEqual([401, "sign in first"]);
    expect(client.answer.header("www-authenticate")).toBe("Bearer");
  });

  suite.it("lets authorize refuse with 401 or 403", async () => {
    expect((await suite.connect("/no/authorize/nobody")).status).toBe(401);
    expect((await suite.connect("/no/authorize/villain")).status).toBe(403);
  });

  suite.it("answers 500 when authorize throws, says nothing of the error and reports it", async () => {
    const client = await suite.connect("/no/authorize/bug");
    expect(client.status).toBe(500);
    expect(client.body).not.toContain("a bug in authorize");
    expect(suite.errors).toMatchObject([{ message: "a bug in authorize" }]);
    await suite.expectAlive();
  });

  suite.it("waits for authorize and keeps what it returned as the context", async () => {
    expect((await suite.connect("/no/authorize/ada")).status).toBe(101);
    expect(await contexts.next()).toEqual({ user: "ada" });
  });

  suite.route("/no/hangs", {}, { handshakeTimeoutMs: 100, authorize: () => new Promise(() => {}) });

  suite.it("gives up a handshake that takes too long", async () => {
    const client = await suite.connect("/no/hangs");
    expect(client.status).toBe(408);
    await client.closed;
  });

  const rejected = new Channel<readonly unknown[]>();
  suite.route("/no/reject/:id", {}, { authorize: () => refuse(403), onReject: ({ code, status }, { params }) => rejected.push([code, status, params["id"]]) });

  suite.it("tells onReject about every refusal", async () => {
    await suite.connect("/no/reject/7");
    expect(await rejected.next()).toEqual(["ERR_FORBIDDEN", 403, "7"]);
    await suite.connect("/no/reject/8", { version: "8" });
    expect(await rejected.next()).toEqual(["ERR_VERSION", 426, "8"]);
  });
}
