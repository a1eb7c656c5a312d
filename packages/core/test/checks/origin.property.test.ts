import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileOriginRule, type OriginSubject } from "../../src/checks/origin.ts";
import { runs } from "../helpers/property.ts";

const name = fc.oneof(
  fc.domain(),
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6().map((ip) => `[${ip}]`),
  fc.constantFrom("localhost", "a_b.test", "xn--bcher-kva.test", "bücher.test", "A.Example", "a.example.", "2130706433", "0x7f.1", "a%2eb.test"),
);
const port = fc.oneof(
  fc.constant(""),
  fc.nat(65_535).map((at) => `:${at}`),
  fc.constantFrom(":80", ":443", ":0080", ":"),
);
const secure = fc.constantFrom(undefined, true, false);
/** What an attacker adds to make a text look like another one. */
const noise = fc.constantFrom(
  "",
  "",
  "",
  "@",
  "@b.example",
  "/",
  "\\",
  "#",
  "?",
  "%",
  ".",
  ":",
  ",",
  " ",
  "\t",
  "\n",
  "\0",
  "null",
  "http://",
  "а",
  "[",
  "]",
  "*",
  "x",
);

const subject = (origin: string, host: string, more: Partial<OriginSubject> = {}): OriginSubject => ({
  origin,
  host,
  secure: undefined,
  fetchSite: undefined,
  ...more,
});

/** The origin that a browser finds in `text`, when it is nothing but an origin. */
function originOf(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "" && url.password === "" ? url : undefined;
}

const withoutPort = (host: string): string => host.replace(/:\d*$/, "").toLowerCase();

describe("same origin, judged by the WHATWG URL parser", () => {
  const allows = compileOriginRule("same-origin");

  it("allows every page whose browser names the host that it connects to (property)", () => {
    const page = fc.tuple(fc.constantFrom("http:", "https:"), name, port).map(([scheme, host, at]) => `${scheme}//${host}${at}/chat`);
    fc.assert(
      fc.property(
        page.filter((href) => URL.canParse(href)),
        fc.boolean(),
        (href, known) => {
          // What a browser sends: its own spelling, in both headers.
          const url = new URL(href);
          expect(allows(subject(url.origin, url.host, { secure: known ? url.protocol === "https:" : undefined }))).toBe(true);
        },
      ),
      runs(2000),
    );
  });

  it("allows no page of another origin, however its text and the Host header are spelled (property)", () => {
    const text = fc
      .tuple(fc.constantFrom("http://", "https://", "HTTP://", "http:", "ws://", ""), noise, name, noise, port, noise)
      .map((parts) => parts.join(""));
    const host = fc.tuple(name, noise, port).map((parts) => parts.join(""));
    const affix = fc.constantFrom("", "", "x", "x.", ".", "-", ":", ":80", ":8080");
    fc.assert(
      fc.property(text, host, fc.option(fc.tuple(affix, affix)), secure, (origin, other, affixes, known) => {
        // Mostly the two resemble each other.
        const here = affixes === null ? other : affixes.join(origin.replace(/^\w*:?(?:\/\/)?/, ""));
        if (!allows(subject(origin, here, { secure: known }))) return;
        const scheme = /^https?:/i.exec(origin)?.[0].toLowerCase() ?? "none";
        if (known !== undefined) expect(scheme).toBe(known ? "https:" : "http:");
        const page = originOf(origin);
        // What no URL can be made of comes from no browser; it must at least be the same text.
        if (page === undefined) expect(withoutPort(origin.slice(scheme.length + 2))).toBe(withoutPort(here));
        else expect(page.origin).toBe(originOf(`${scheme}//${here}`)?.origin);
      }),
      runs(10_000),
    );
  });
});

describe("a list, judged by the WHATWG URL parser", () => {
  it("allows what its entries name, and nothing else (property)", () => {
    const allows = compileOriginRule(["https://app.example.com", "https://*.example.org", "http://localhost:*"]);
    const part = fc.constantFrom(
      "http://",
      "https://",
      "app.",
      "example",
      ".com",
      ".org",
      "evil",
      "localhost",
      ":443",
      ":80",
      ":8080",
      ".",
      "@",
      "/",
      "#",
      "\\",
      "*",
      "а",
      "%2e",
      " ",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), (parts) => {
        const text = parts.join("");
        const page = originOf(text);
        const isNamed =
          page !== undefined &&
          (page.origin === "https://app.example.com" ||
            (page.protocol === "https:" && page.port === "" && page.hostname.endsWith(".example.org")) ||
            (page.protocol === "http:" && page.hostname === "localhost"));
        if (allows(subject(text, "here.test"))) expect(isNamed).toBe(true);
        // As its browser would spell it.
        if (isNamed && !page.hostname.includes("..") && !page.hostname.startsWith("."))
          expect(allows(subject(page.origin, "here.test"))).toBe(!page.hostname.includes("*"));
      }),
      runs(10_000),
    );
  });
});
