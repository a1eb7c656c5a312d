import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileOriginRule, entryFor, type OriginSubject } from "../../src/checks/origin.ts";
import { runs } from "../helpers/property.ts";

const subject = (origin: string | undefined, host: string, more: Partial<OriginSubject> = {}): OriginSubject => ({
  origin,
  host,
  secure: undefined,
  fetchSite: undefined,
  ...more,
});

describe("same origin", () => {
  const allows = compileOriginRule("same-origin");

  it.each([
    [undefined, "a.example"],
    ["http://a.example", "a.example"],
    ["http://a.example:80", "a.example"],
    ["http://a.example", "a.example:80"],
    ["https://a.example", "a.example:443"],
    ["https://a.example", "a.example"],
    ["http://A.Example", "a.eXample"],
    ["http://a.example:8080", "a.example:8080"],
    ["http://[::1]:3000", "[::1]:3000"],
    ["http://xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["http://127.0.0.1:1", "127.0.0.1:1"],
  ])("lets %s to %s", (origin, host) => {
    expect(allows(subject(origin, host))).toBe(true);
  });

  it.each([
    ["", "a.example"],
    ["null", "a.example"],
    ["http://b.example", "a.example"],
    ["http://a.example:81", "a.example"],
    ["https://a.example:80", "a.example"],
    ["http://a.example.b.example", "a.example"],
    ["http://b-a.example", "a.example"],
    ["http://a.example.", "a.example"],
    ["http://a.example/", "a.example"],
    ["http://a.example/x", "a.example"],
    ["http://a.example#", "a.example"],
    ["http://a.example?x", "a.example"],
    ["http://user@a.example", "a.example"],
    ["http://a.example@b.example", "a.example"],
    ["http://a.example\\@b.example", "a.example"],
    ["http://2130706433", "127.0.0.1"],
    ["http://0x7f.1", "127.0.0.1"],
    ["http://%61.example", "a.example"],
    ["http://а.example", "a.example"],
    ["http://a.example, http://a.example", "a.example"],
    ["http://a.example http://b.example", "a.example"],
    ["ftp://a.example", "a.example"],
    ["javascript://a.example", "a.example"],
    ["file://", "a.example"],
    ["a.example", "a.example"],
    ["http://", "a.example"],
    ["http://a.example:", "a.example"],
    ["http://a.example:999999", "a.example"],
    ["http://a.example", ""],
    ["http://a.example", "a.example, a.example"],
  ])("refuses %s to %s", (origin, host) => {
    expect(allows(subject(origin, host))).toBe(false);
  });

  it("compares the scheme where it is known", () => {
    expect(allows(subject("http://a.example", "a.example", { secure: true }))).toBe(false);
    expect(allows(subject("https://a.example", "a.example", { secure: true }))).toBe(true);
  });

  it("believes a browser that says cross-site without an origin", () => {
    expect(allows(subject(undefined, "a.example", { fetchSite: "cross-site" }))).toBe(false);
    expect(allows(subject(undefined, "a.example", { fetchSite: "same-origin" }))).toBe(true);
    expect(compileOriginRule("same-origin", { requireOrigin: true })(subject(undefined, "a.example"))).toBe(false);
  });

  it("agrees with the WHATWG URL parser on every origin that a browser can send (property)", () => {
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
    );
    const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined });
    const page = fc.record({ scheme: fc.constantFrom("http", "https"), host, port });
    fc.assert(
      fc.property(page, page, fc.boolean(), (from, to, sameHost) => {
        const text = ({ scheme, host: name, port: at }: typeof from): string => `${scheme}://${name}${at === undefined ? "" : `:${at}`}`;
        const target = sameHost ? { ...to, host: from.host, port: from.port, scheme: from.scheme } : { ...to, scheme: from.scheme };
        const origin = new URL(text(from)).origin;
        const here = new URL(text(target));
        expect(allows(subject(origin, here.host))).toBe(origin === here.origin);
      }),
      runs(2000),
    );
  });

  it("never lets in what the URL parser places elsewhere, whatever the text (property)", () => {
    const part = fc.constantFrom(
      "http://",
      "https://",
      "a.example",
      "b.example",
      ":80",
      ":443",
      "@",
      "/",
      "\\",
      "#",
      "?",
      "%",
      ".",
      "\t",
      " ",
      "null",
      ",",
      "*",
      "[::1]",
      "а",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const origin = parts.join("");
        if (!allows(subject(origin, "a.example"))) return;
        expect(["http://a.example", "https://a.example"]).toContain(new URL(origin).origin);
      }),
      runs(5000),
    );
  });
});

describe("a list", () => {
  const allows = compileOriginRule(["https://app.example.com", "https://*.example.org", "http://localhost:*", "capacitor://localhost"]);

  it.each([
    ["https://app.example.com", true],
    ["https://app.example.com:443", true],
    ["http://app.example.com", false],
    ["https://x.app.example.com", false],
    ["https://a.example.org", true],
    ["https://a.b.example.org", true],
    ["https://example.org", false],
    ["https://evilexample.org", false],
    ["https://a.example.org.evil.test", false],
    ["https://.example.org", false],
    ["http://localhost:5173", true],
    ["http://localhost", true],
    ["https://localhost:5173", false],
    ["capacitor://localhost", true],
    ["capacitor://other", false],
    ["https://here.test", false],
    [undefined, true],
  ])("%s: %s", (origin, expected) => {
    expect(allows(subject(origin, "here.test"))).toBe(expected);
  });

  it("holds same-origin only when it says so", () => {
    expect(compileOriginRule(["same-origin", "https://b.test"])(subject("https://here.test", "here.test"))).toBe(true);
  });

  it.each(["*", "example.com", "https://", "https://*", "https://a.test/", "https://a.test/x", "https://a*.test", "https://u@a.test", "null ", ""])(
    "refuses the entry %j at construction",
    (entry) => {
      expect(() => compileOriginRule([entry])).toThrow(TypeError);
    },
  );
});

describe("what else a list can name", () => {
  const passes = (entry: string, origin: string): boolean => compileOriginRule([entry], { requireOrigin: true })(subject(origin, "here.test"));

  it.each([
    ["null", "null", "http://null"],
    ["file://", "file://", "file://a"],
    ["chrome-extension://*", "chrome-extension://abcdefghijklmnop", "moz-extension://abcdefghijklmnop"],
    ["moz-extension://*", "moz-extension://8f6b0c3c-1d0d-4b53-8b0e-7f8a1d2f3c4e", "https://moz-extension"],
    ["Capacitor://Localhost", "capacitor://localhost", "capacitor://localhost.evil"],
    ["https://münchen.de", "https://xn--mnchen-3ya.de", "https://munchen.de"],
    ["https://*.münchen.de", "https://a.xn--mnchen-3ya.de", "https://xn--mnchen-3ya.de"],
    ["HTTPS://APP.Example", "https://app.example", "http://app.example"],
    ["http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000", "http://[::1]"],
    ["http://[::FFFF:127.0.0.1]", "http://[::ffff:7f00:1]", "http://127.0.0.1"],
    ["http://127.1", "http://127.0.0.1", "http://127.1"],
    ["http://localhost:0080", "http://localhost", "http://localhost:8080"],
  ])("%s lets in %s and not %s", (entry, origin, other) => {
    expect(passes(entry, origin)).toBe(true);
    expect(passes(entry, other)).toBe(false);
  });

  it.each([
    ["ws://localhost:3000", "http://localhost:3000"],
    ["wss://app.example", "https://app.example"],
    ["http://localhost:99999", "has no port from 1 to 65535"],
    ["http://localhost:0", "has no port from 1 to 65535"],
    ["capacitor://localhost:99999", "has no port from 1 to 65535"],
    ["https://app.example/", `write "https://app.example"`],
    ["https://app.example/page?x", `write "https://app.example"`],
    ["https://user:pass@app.example", `write "https://app.example"`],
    [" https://app.example", `write "https://app.example"`],
    ["app.example", `write "https://app.example"`],
    ["localhost:3000", `write "http://localhost:3000"`],
    ["https://*.127.0.0.1", "no name is below it"],
    ["http://[fe80::1%25eth0]", "no host that a page can come from"],
    ["http://a..b", "no host that a page can come from"],
    ["http://1.2.3.4.5", "no host that a page can come from"],
    ["http://%61.example", "no host that a page can come from"],
    ["https://*", "is not an origin"],
    ["about:blank", "is not an origin"],
    ["data:text/html,x", "is not an origin"],
  ])("refuses %j, which no page can have, and says what would be right: %s", (entry, words) => {
    expect(() => compileOriginRule([entry])).toThrow(TypeError);
    expect(() => compileOriginRule([entry])).toThrow(words);
  });

  it("refuses what is no text and what is no list", () => {
    expect(() => compileOriginRule([/x/ as never])).toThrow(/^origin: .* is not an origin; write/);
    expect(() => compileOriginRule({} as never)).toThrow(/^origin: {} is no list; write/);
  });

  it("takes no entry that matches nothing a browser sends (property)", () => {
    const part = fc.constantFrom(
      "http",
      "https",
      "ws",
      "file",
      "x-app",
      "://",
      "*.",
      "a.example",
      "MÜNCHEN.de",
      "127.1",
      "[::1]",
      "[0::1]",
      ":*",
      ":80",
      ":070",
      ":65535",
      ":65536",
      ".",
      "/",
      "@",
      "*",
      "null",
      " ",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const entry = parts.join("");
        let allows: ReturnType<typeof compileOriginRule>;
        try {
          allows = compileOriginRule([entry], { requireOrigin: true });
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        // What a page has for its origin at an address like this entry.
        const example = entry
          .replace(/:\/\/\*$/, "://app")
          .replace("*.", "sub.")
          .replace(/:\*$/, ":8080");
        const url = /^https?:/i.test(example) ? new URL(example).origin : example.toLowerCase();
        expect([entry, allows(subject(url, "here.test"))]).toEqual([entry, true]);
      }),
      runs(5000),
    );
  });
});

describe("what a log advises", () => {
  it.each(["http://localhost:3000", "https://a.example", "chrome-extension://abc", "file://"])("to list %s", (origin) => {
    expect(entryFor(origin)).toBe(origin);
  });

  it.each([
    undefined,
    "",
    "null",
    "*",
    "http://*",
    "https://*.example",
    "http://a.example/",
    "http://u@a.example",
    "ws://a",
    "http://a.example, http://b.example",
    "same-origin",
  ])("nothing for %s", (origin) => {
    expect(entryFor(origin)).toBeUndefined();
  });
});
