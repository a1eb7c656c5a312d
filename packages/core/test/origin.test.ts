import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileOriginRule, type OriginSubject } from "../src/origin.ts";
import { runs } from "./property.ts";

const subject = (origin: string | undefined, host: string, more: Partial<OriginSubject> = {}): OriginSubject => ({
  origin,
  host,
  secure: undefined,
  fetchSite: undefined,
  ...more,
});

describe("same origin", () => {
  const allows = compileOriginRule("same-origin", false);

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
    expect(compileOriginRule("same-origin", true)(subject(undefined, "a.example"))).toBe(false);
  });

  it("agrees with the WHATWG URL parser on every origin that a browser can send (property)", () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6().map((ip) => `[${ip}]`));
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
    const part = fc.constantFrom("http://", "https://", "a.example", "b.example", ":80", ":443", "@", "/", "\\", "#", "?", "%", ".", "\t", " ", "null", ",", "*", "[::1]", "а");
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
  const allows = compileOriginRule(["https://app.example.com", "https://*.example.org", "http://localhost:*", "capacitor://localhost"], false);

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
    expect(compileOriginRule(["same-origin", "https://b.test"], false)(subject("https://here.test", "here.test"))).toBe(true);
  });

  it.each(["*", "example.com", "https://", "https://*", "https://a.test/", "https://a.test/x", "https://a*.test", "https://u@a.test", "null", ""])(
    "refuses the entry %j at construction",
    (entry) => {
      expect(() => compileOriginRule([entry], false)).toThrow(TypeError);
    },
  );
});
