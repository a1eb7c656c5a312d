import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { itKeepsTheSentTarget } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { attach, websocket } from "../../src/index.ts";
import { isGetTarget, rememberTarget, sentTarget } from "../../src/checks/sent-target.ts";

itKeepsTheSentTarget("behind a small router that cuts it, as connect does", {
  sent: "/api/ws",
  routed: "/ws",
  mount: async ({ handler, options }) => {
    const ws = websocket(handler, options);
    const server = createServer((req, res) => {
      Object.assign(req, { originalUrl: req.url, url: req.url?.replace("/api", "") });
      void ws(req, res);
    });
    attach(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return { server, close: () => server.close() };
  },
});

describe("sentTarget", () => {
  const request = (fields: object): IncomingMessage => fields as IncomingMessage;

  it("is what was remembered first, whatever is written over it", () => {
    const req = request({ url: "/sent" });
    rememberTarget(req);
    req.url = "/cut";
    rememberTarget(req);
    expect(sentTarget(Object.assign(req, { originalUrl: "/forged" }))).toBe("/sent");
  });

  it("is else what the framework kept, and else the present one", () => {
    expect(sentTarget(request({ url: "/cut", originalUrl: "/sent" }))).toBe("/sent");
    expect(sentTarget(request({ url: "/cut" }), { originalUrl: "/sent" })).toBe("/sent");
    expect(sentTarget(request({ url: "/now" }), null)).toBe("/now");
    expect(sentTarget(request({}))).toBe("/");
  });
});

describe("isGetTarget", () => {
  it.each(["/", "//", "/ws?x", "http://a.example", "HTTP://A.example/ws", "https://a.example?x"])("takes %s", (target) => {
    expect(isGetTarget(target, "a.example")).toBe(true);
  });

  it.each([
    "",
    "*",
    "*ws",
    "?x",
    "ws",
    "a.example:80",
    "a.example/ws",
    "http://",
    "http:///ws",
    "http://b.example/ws",
    "http://a.example:80/ws",
    "http://u@a.example/",
    "ws://a.example/ws",
    "ftp://a.example/",
  ])("refuses %j", (target) => {
    expect(isGetTarget(target, "a.example")).toBe(false);
  });
});
