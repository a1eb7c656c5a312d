import type { IncomingMessage } from "node:http";
import { CHECK_MEDIA_TYPE } from "@upwire/protocol";
import { describe, expect, it } from "vitest";
import { asksForCheck, originOf } from "../../src/checks/question.ts";

function get(headers: Readonly<Record<string, string>>, method = "GET"): IncomingMessage {
  return { method, headers } as unknown as IncomingMessage;
}

function asks(headers: Readonly<Record<string, string>>, method = "GET"): boolean {
  return asksForCheck(get(headers, method));
}

describe("what asks for it", () => {
  it("is a plain GET with its media type", () => {
    expect(asks({ accept: CHECK_MEDIA_TYPE })).toBe(true);
    expect(asks({ accept: `a/b;q=1 , ${CHECK_MEDIA_TYPE} ; q=0.5` })).toBe(true);
    expect(asks({ accept: CHECK_MEDIA_TYPE }, "HEAD")).toBe(false);
    expect(asks({ accept: "*/*" })).toBe(false);
    expect(asks({})).toBe(false);
  });

  it("is no handshake, nor one that a proxy has spoilt", () => {
    expect(asks({ accept: CHECK_MEDIA_TYPE, connection: "Upgrade", upgrade: "websocket" })).toBe(false);
    expect(asks({ accept: CHECK_MEDIA_TYPE, "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==" })).toBe(false);
  });
});

describe("the origin of the page that asks", () => {
  const originOfAsked = (headers: Readonly<Record<string, string>>): string | undefined => originOf(get({ accept: CHECK_MEDIA_TYPE, ...headers }));
  const referer = "https://app.example:8443/a/b?c";

  it("is told by the Referer only where there is no Origin", () => {
    expect(originOfAsked({ referer })).toBe("https://app.example:8443");
    expect(originOfAsked({ referer, origin: "null" })).toBe("null");
    expect(originOfAsked({ referer: "no address" })).toBe(undefined);
    expect(originOfAsked({})).toBe(undefined);
  });

  it("is hidden where a browser tells neither to another host", () => {
    for (const [site, origin] of Object.entries({ "cross-site": "null", "same-site": "null", "same-origin": undefined, none: undefined })) {
      expect([site, originOfAsked({ "sec-fetch-site": site })]).toEqual([site, origin]);
    }
    expect(originOfAsked({ "sec-fetch-site": "same-site", referer })).toBe("https://app.example:8443");
  });

  it("is the Origin header alone of a request that does not ask", () => {
    expect(originOf(get({ referer, "sec-fetch-site": "same-site" }))).toBe(undefined);
    expect(originOf(get({ referer, origin: "null" }))).toBe("null");
  });
});
