import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { compileAllowedHosts, loopbackWarning } from "../../src/checks/allowed-hosts.ts";
import { attach, websocket, type UpgraderOptions } from "../../src/index.ts";

const ask = (entries: readonly string[], host: string, scheme?: "http" | "https"): boolean => compileAllowedHosts(entries)({ host, scheme });

describe("allowedHosts", () => {
  it.each([
    ["app.example.com", "app.example.com"],
    ["app.example.com", "APP.example.com:8080"],
    ["App.Example.com", "app.example.com"],
    ["*.example.com", "a.b.example.com:1"],
    ["*.example.com:8080", "a.example.com:8080"],
    ["localhost", "localhost:3000"],
    ["localhost:3000", "localhost:3000"],
    ["localhost:80", "localhost"],
    ["localhost:443", "localhost"],
    ["127.0.0.1", "127.0.0.1:9"],
    ["[::1]", "[::1]:3000"],
    ["::1", "[::1]"],
    ["[0:0:0:0:0:0:0:1]:3000", "[::1]:3000"],
    ["münchen.de", "xn--mnchen-3ya.de"],
  ])("%s lets in %s", (entry, host) => expect(ask([entry], host)).toBe(true));

  it.each([
    ["app.example.com", "rebind.evil.example"],
    ["app.example.com", "app.example.com.evil.example"],
    ["app.example.com", "evilapp.example.com"],
    ["*.example.com", "example.com"],
    ["*.example.com", "evilexample.com"],
    ["*.example.com", ".example.com"],
    ["localhost:3000", "localhost:3001"],
    ["localhost:3000", "localhost"],
    ["localhost", "localhost.evil.example"],
    ["127.0.0.1", "127.0.0.1.evil.example"],
    ["127.0.0.1", "2130706433"],
    ["127.0.0.1", "[::ffff:127.0.0.1]"],
    ["[::1]", "::1"],
    ["localhost", ""],
    ["localhost", "user@localhost"],
    ["localhost", "localhost, evil.example"],
    ["localhost", "localhost:3000:4000"],
  ])("%s keeps %s out", (entry, host) => expect(ask([entry], host)).toBe(false));

  it("knows the default port by the scheme, where that is known", () => {
    expect(ask(["a.example:443"], "a.example", "https")).toBe(true);
    expect(ask(["a.example:443"], "a.example", "http")).toBe(false);
    expect(ask(["a.example:80"], "a.example", "https")).toBe(false);
  });

  it.each([
    "",
    "*",
    "*.",
    "a b",
    "https://app.example.com",
    "app.example.com/",
    "app.example.com/ws",
    "u@a.example",
    "a.example:99999",
    "a.example:0",
    "a.example:x",
    "*.127.0.0.1",
    "*.[::1]",
    "[::1",
    "[zz]",
    "a..b",
    "%61.example",
  ])("refuses the entry %j at construction", (entry) => {
    expect(() => compileAllowedHosts([entry])).toThrow(TypeError);
    expect(() => compileAllowedHosts([entry])).toThrow(/^allowedHosts: ".*; write "app\.example\.com"/);
  });

  it.each(["localhost", [], {}, null, [/x/]])("refuses %j in place of a list of hosts", (value) => {
    expect(() => compileAllowedHosts(value as never)).toThrow(/^allowedHosts: .*; write "app\.example\.com"/);
  });
});

async function serve(options: UpgraderOptions, host: string): Promise<number> {
  const ws = websocket({ open(): void {} }, options);
  const server = createServer((req, res) => void ws(req, res));
  attach(server);
  await once(server.listen(0, host), "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** What the process warns of until three handshakes have been answered. */
async function warnings(options: UpgraderOptions, host = "127.0.0.1"): Promise<string[]> {
  const seen: string[] = [];
  const note = (warning: Error & { readonly code?: string }): void => void (warning.code === "UPWIRE_ALLOWED_HOSTS" && seen.push(warning.message));
  process.on("warning", note);
  onTestFinished(() => void process.off("warning", note));
  const port = await serve(options, host);
  for (let i = 0; i < 3; i++) {
    const client = await WireClient.open({ port });
    expect((await client.answered).status).toBe(101);
    client.socket.destroy();
  }
  return seen;
}

describe("a server that listens on loopback alone", () => {
  it("says so once where a route names neither hosts nor proxies", async () => {
    expect(await warnings({})).toEqual([
      expect.stringMatching(/listens on 127\.0\.0\.1 only.*DNS rebinding.*allowedHosts: \["localhost", "127\.0\.0\.1", "\[::1\]"\].*trustProxy/),
    ]);
  });

  it("says nothing where one of them is named, or where it listens on all", async () => {
    expect(await warnings({ allowedHosts: ["127.0.0.1"] })).toEqual([]);
    expect(await warnings({ trustProxy: 1 })).toEqual([]);
    expect(await warnings({}, "0.0.0.0")).toEqual([]);
  });

  it.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["0.0.0.0", false],
    ["::", false],
    ["192.0.2.1", false],
  ])("is known by the address %s: %s", (address, is) => {
    expect(loopbackWarning({ address, family: "", port: 1 }) !== undefined).toBe(is);
  });

  it("is none with a path or without a server", () => {
    expect(loopbackWarning("/run/app.sock")).toBeUndefined();
    expect(loopbackWarning(null)).toBeUndefined();
  });
});

describe("the host that is compared", () => {
  it("is the one that a trusted proxy tells", async () => {
    const port = await serve({ allowedHosts: ["app.example"], trustProxy: 1, unsafeAllowAnyOrigin: true }, "127.0.0.1");
    const status = async (headers: Record<string, string>): Promise<number> => (await (await WireClient.open({ port, headers })).answered).status;
    expect(await status({ Host: "inside:8080", "X-Forwarded-Host": "app.example" })).toBe(101);
    expect(await status({ Host: "app.example", "X-Forwarded-Host": "rebind.example" })).toBe(403);
    expect(await status({ Host: "app.example" })).toBe(101);
  });
});
