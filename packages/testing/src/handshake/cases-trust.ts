import type { HandshakeCase, Site } from "./case.ts";
import { family, opens, refused, refusedWith, withLine, type Rows } from "./write.ts";

type Headers = (site: Site) => Readonly<Record<string, string | readonly string[]>>;

const EVIL = "http://evil.example";

/** A foreign page, and a header that would make it one of ours. */
const foreign = (name: string, headers: Headers): Rows[number] => [
  name,
  `a foreign Origin, and ${name}`,
  (site) => ({ headers: { Origin: EVIL, ...headers(site) } }),
];
/** One of our pages, or none, and a header that would make it a foreign one. */
const ours = (name: string, headers: Headers): Rows[number] => [
  name,
  `our own Origin, and ${name}`,
  (site) => ({ headers: { Origin: site.origin, ...headers(site) } }),
];
const hostile = (name: string, title: string, spell: (length: number) => string): HandshakeCase => ({
  id: `7239-4-hostile-forwarded-${name}`,
  group: "forwarded headers",
  title,
  level: "must",
  request: () => ({ headers: { Forwarded: spell(12_288) } }),
  half: () => ({ headers: { Forwarded: spell(6144) } }),
  expect: opens,
});

/** RFC 7239 §8.1: what a client writes about itself is not to be believed. Only the Host and the Origin count. */
export const trustCases: readonly HandshakeCase[] = [
  ...family({ prefix: "7239-8.1-foreign", group: "forwarded headers", expect: refusedWith(403) }, [
    foreign("X-Forwarded-Host", () => ({ "X-Forwarded-Host": "evil.example" })),
    foreign("X-Forwarded-Host-list", ({ host }) => ({ "X-Forwarded-Host": `evil.example, ${host}` })),
    foreign("X-Forwarded-Host-lines", ({ host }) => ({ "X-Forwarded-Host": [host, "evil.example"] })),
    foreign("X-Forwarded-Server", () => ({ "X-Forwarded-Server": "evil.example" })),
    foreign("X-Forwarded-Proto", () => ({ "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "80" })),
    foreign("X-Forwarded-For", () => ({ "X-Forwarded-For": "127.0.0.1" })),
    foreign("X-Real-IP", () => ({ "X-Real-IP": "127.0.0.1" })),
    foreign("Forwarded", () => ({ Forwarded: "host=evil.example" })),
    foreign("Forwarded-full", () => ({ Forwarded: "for=127.0.0.1;by=127.0.0.1;proto=http;host=evil.example" })),
    foreign("Forwarded-quoted", () => ({ Forwarded: 'for="[::1]:80";host="evil.example"' })),
    foreign("X-Original-Host", () => ({ "X-Original-Host": "evil.example" })),
    foreign("X-Host", () => ({ "X-Host": "evil.example" })),
    foreign("X-HTTP-Host-Override", () => ({ "X-HTTP-Host-Override": "evil.example" })),
    foreign("Referer", ({ origin }) => ({ Referer: `${origin}/` })),
    foreign("Sec-WebSocket-Origin", ({ origin }) => ({ "Sec-WebSocket-Origin": origin })),
    foreign("X-Origin", ({ origin }) => ({ "X-Origin": origin })),
    foreign("Sec-Fetch-Site", () => ({ "Sec-Fetch-Site": "same-origin" })),
    foreign("Access-Control-Request-Method", () => ({ "Access-Control-Request-Method": "GET" })),
    foreign("Authorization", () => ({ Authorization: "Basic YTpi" })),
    foreign("Cookie", () => ({ Cookie: "session=1" })),
    foreign("X-Requested-With", () => ({ "X-Requested-With": "XMLHttpRequest" })),
  ]),
  ...family({ prefix: "9112-3.2.2-foreign", group: "forwarded headers", expect: refused }, [
    ["authority", "a foreign Origin, and its host in an absolute target", ({ path }) => ({ path: `${EVIL}${path}`, headers: { Origin: EVIL } })],
  ]),
  ...family({ prefix: "7239-8.1-ours", group: "forwarded headers", expect: opens }, [
    ours("X-Forwarded-Host", () => ({ "X-Forwarded-Host": "evil.example" })),
    ours("X-Forwarded-Proto", () => ({ "X-Forwarded-Proto": "gopher" })),
    ours("X-Forwarded-For", () => ({ "X-Forwarded-For": "not an address, ,, 999.999.999.999" })),
    ours("Forwarded", () => ({ Forwarded: "for=192.0.2.1;host=evil.example;proto=gopher" })),
    ours("Forwarded-junk", () => ({ Forwarded: ',,;;==;for="[;host="\\' })),
    ours("X-Original-Host", () => ({ "X-Original-Host": "evil.example" })),
    ours("X-Original-URL", () => ({ "X-Original-URL": "/upwire-nowhere", "X-Rewrite-URL": "/upwire-nowhere" })),
    ours("Referer", () => ({ Referer: `${EVIL}/` })),
    ours("Sec-WebSocket-Origin", () => ({ "Sec-WebSocket-Origin": EVIL })),
    ours("Proxy", () => ({ Proxy: "http://evil.example:3128" })),
    ["not-a-browser", "no Origin, and a foreign Sec-WebSocket-Origin", () => ({ rewrite: withLine(`Sec-WebSocket-Origin: ${EVIL}`) })],
  ]),
  hostile("quotes", "12 KiB of quotes in Forwarded", (length) => `for=${'"'.repeat(length)}`),
  hostile("backslashes", "an open quote and 12 KiB of backslashes in Forwarded", (length) => `for="${"\\".repeat(length)}`),
  hostile("commas", "12 KiB of commas in Forwarded", (length) => ",".repeat(length)),
];
