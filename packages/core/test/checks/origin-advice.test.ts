import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { originAdvice } from "../../src/checks/origin-advice.ts";
import { compileOriginRule } from "../../src/checks/origin.ts";
import { attach, websocket, type UpgraderOptions } from "../../src/index.ts";

describe("what the first 403 by origin says", () => {
  it.each([
    ["http://localhost:5173", {}, 'If it is yours, add origin: ["same-origin", "http://localhost:5173"] to the options of this route'],
    ["http://localhost:5173", { origin: "same-origin" }, 'If it is yours, add origin: ["same-origin", "http://localhost:5173"] to the options of this route'],
    ["https://b.example.com", { origin: ["https://a.example.com"] }, 'If it is yours, add "https://b.example.com" to the origin list of this route'],
    ["chrome-extension://abcdef", {}, 'If it is yours, add origin: ["same-origin", "chrome-extension://abcdef"] to the options of this route'],
    ["file://", {}, 'If it is yours, add origin: ["same-origin", "file://"] to the options of this route'],
    ["null", {}, 'Serve the page over HTTP; or, if ANY page without an origin may connect, add origin: ["same-origin", "null"] to the options of this route'],
    ["http://a b", {}, "No entry of a list can name it: give origin a function"],
    [undefined, { requireOrigin: true }, "To let in clients that are no browsers, leave requireOrigin out"],
    [undefined, {}, "Its browser says that it comes from another site"],
    ["https://a.example.com", { origin: () => false }, "The function given as origin has to return true for it"],
  ] as const)("for %s with %o", (origin, options, advice) => {
    expect(originAdvice(origin, options)).toBe(advice);
  });

  it.each([
    "http://localhost:5173",
    "https://app.example.com",
    "chrome-extension://abcdef",
    "moz-extension://0a-1b",
    "file://",
    "null",
    "capacitor://localhost",
    "http://[::1]:8080",
  ])("names a list that lets %s in", (origin) => {
    const [, list = ""] = /origin: (\[.*\])/.exec(originAdvice(origin, {})) ?? [];
    const allows = compileOriginRule(JSON.parse(list) as string[]);
    expect(allows({ origin, host: "127.0.0.1:8080", secure: undefined, fetchSite: undefined })).toBe(true);
  });
});

describe("a server", () => {
  async function warningsOf(options: UpgraderOptions, origins: readonly string[]): Promise<readonly string[]> {
    const warned: string[] = [];
    const spy = vi.spyOn(process, "emitWarning").mockImplementation((text, given) => {
      if (typeof given === "object" && "code" in given && given.code === "UPWIRE_ORIGIN") warned.push(String(text));
    });
    onTestFinished(() => spy.mockRestore());
    const route = websocket({ open: () => {} }, options);
    const server = createServer((req, res) => void route(req, res));
    const attachment = attach(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(async () => {
      await attachment.close({ graceMs: 0 });
      server.close();
    });
    for (const origin of origins) {
      const client = await WireClient.connect({ port: (server.address() as AddressInfo).port, headers: { Origin: origin } });
      expect(client.status).toBe(403);
    }
    return warned;
  }

  it("says it once, and the hook hears of every refusal", async () => {
    const heard: string[] = [];
    const warned = await warningsOf({ onReject: ({ code }) => heard.push(code) }, ["http://localhost:5173", "http://localhost:5173", "http://localhost:5174"]);
    expect(warned).toEqual([
      expect.stringMatching(
        /^upwire: refused a page of "http:\/\/localhost:5173" on "127\.0\.0\.1:\d+" with 403\. If it is yours, add origin: \["same-origin", "http:\/\/localhost:5173"\]/,
      ),
    ]);
    expect(heard).toEqual(["ERR_ORIGIN", "ERR_ORIGIN", "ERR_ORIGIN"]);
  });

  it("says nothing in production", async () => {
    vi.stubEnv("NODE_ENV", "production");
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await warningsOf({}, ["http://localhost:5173"])).toEqual([]);
  });

  it("says nothing of a 403 that is not for the origin", async () => {
    expect(await warningsOf({ unsafeAllowAnyOrigin: true, authorize: () => false }, ["http://localhost:5173"])).toEqual([]);
  });
});
