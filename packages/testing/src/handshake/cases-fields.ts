import type { HandshakeCase, HandshakeExpectation } from "./case.ts";
import { betterOpen, family, opens, refusedWith, survives, withLineOf, type Rows } from "./write.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

const version = (value: string, name = value): Rows[number] => [name, `the version ${JSON.stringify(value)}`, () => ({ version: value })];
const key = (name: string, value: string): Rows[number] => [name, `the key ${JSON.stringify(value)}`, () => ({ key: value })];
const upgrade = (name: string, value: string): Rows[number] => [name, `Upgrade: ${value}`, () => ({ headers: { Upgrade: value } })];
const connection = (name: string, value: string): Rows[number] => [`connection-${name}`, `Connection: ${value}`, () => ({ headers: { Connection: value } })];
const host = (name: string, value: string): Rows[number] => [name, `the Host ${JSON.stringify(value.slice(0, 40))}`, () => ({ headers: { Host: value } })];

/** RFC 6455 §4.4: "an appropriate HTTP error code (such as 426) and a Sec-WebSocket-Version header". */
const otherVersion: HandshakeExpectation = { ...refusedWith(426), headers: { "sec-websocket-version": "13" } };
const noVersion: HandshakeExpectation = { answers: ["refused"], best: { statuses: [426], headers: { "sec-websocket-version": "13" } } };
const notAsked: HandshakeExpectation = { answers: ["refused"], best: { statuses: [426], headers: { upgrade: "websocket" } } };
/** §4.4 allows older versions beside 13. */
const draftVersion: HandshakeExpectation = { answers: [101, "refused"], best: { statuses: [426], headers: { "sec-websocket-version": "13" } } };

/** RFC 6455 §4.2.1: the headers that a handshake must have. */
export const fieldCases: readonly HandshakeCase[] = [
  ...family(
    { prefix: "6455-4.4-version", group: "version", expect: otherVersion },
    ["0", "7", "12", "14", "25", "130", "255"].map((value) => version(value)),
  ),
  ...family({ prefix: "6455-4.4-draft", group: "version", expect: draftVersion }, [version("8")]),
  // §4.3: a number up to 255 without leading zeros; §4.2.1: what breaks the grammar is refused.
  ...family({ prefix: "6455-4.3-version", group: "version", expect: noVersion }, [
    ...["013", "13.0", "0x0d", "+13", "-13", "1e1", "13a", "256", "99999999999999999999", "true"].map((value) => version(value)),
    version("13 13", "two-words"),
    version("13, 8", "list"),
    version("8, 13", "list-last"),
    version("13;", "semicolon"),
    version('"13"', "quoted"),
    version("\xb9\xb3", "superscript"),
    version("", "empty"),
  ]),
  ...family({ prefix: "6455-11.3.5-version", group: "version", expect: noVersion }, [
    ["missing", "no version", () => ({ version: null })],
    ["doubled", "the version 13, twice", () => ({ version: ["13", "13"] })],
    ["two", "the versions 13 and 8", () => ({ version: ["13", "8"] })],
  ]),
  ...family({ prefix: "9110-5.5-version", group: "version", expect: opens }, [
    ["white-space", "spaces and tabs round the version", () => ({ version: "\t 13 \t" })],
  ]),

  ...family({ prefix: "6455-4.1-key", group: "key", expect: opens }, [
    key("sample", KEY),
    key("zeros", "AAAAAAAAAAAAAAAAAAAAAA=="),
    key("ones", "/////////////////////w=="),
    key("pluses", "+++++++++++++++++++++w=="),
    ["white-space", "spaces round the key", () => ({ rewrite: withLineOf("Sec-WebSocket-Key", `Sec-WebSocket-Key:   ${KEY}  `), key: KEY })],
  ]),
  ...family({ prefix: "6455-4.2.1-key", group: "key", expect: refusedWith(400) }, [
    key("empty", ""),
    key("short", "c2hvcnQ="),
    key("15-bytes", "AAAAAAAAAAAAAAAAAAAA"),
    key("17-bytes", "AAAAAAAAAAAAAAAAAAAAAAA="),
    key("18-bytes", "AAAAAAAAAAAAAAAAAAAAAAAA"),
    key("32-bytes", `${"A".repeat(43)}=`),
    key("long", `${"A".repeat(4096)}==`),
    key("unpadded", "AAAAAAAAAAAAAAAAAAAAAA"),
    key("one-pad", "AAAAAAAAAAAAAAAAAAAAAA="),
    key("three-pads", "AAAAAAAAAAAAAAAAAAAAA==="),
    key("four-pads", "AAAAAAAAAAAAAAAAAAAAAA===="),
    key("not-base64", "!!!!!!!!!!!!!!!!!!!!!!=="),
    key("url-alphabet", "-_-_-_-_-_-_-_-_-_-_-w=="),
    key("space-inside", "AAAAAAAAAAA AAAAAAAAAA=="),
    key("quoted", `"${KEY}"`),
    key("list", `${KEY}, ${KEY}`),
    key("trailing-comma", `${KEY},`),
    key("not-ascii", "\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9=="),
    key("prototype", "__proto__"),
    ["doubled", "two keys", () => ({ key: [KEY, KEY] })],
    ["two", "two keys that differ", () => ({ key: [KEY, "AAAAAAAAAAAAAAAAAAAAAA=="] })],
    ["missing", "no key", () => ({ key: null })],
  ]),
  // RFC 4648 §3.5: decoders may refuse bits that mean nothing.
  ...family({ prefix: "4648-3.5-key", group: "key", level: "strict", expect: refusedWith(400) }, [
    key("stray-bit", "AAAAAAAAAAAAAAAAAAAAAB=="),
    key("stray-bits", "dGhlIHNhbXBsZSBub25jZf=="),
  ]),

  ...family({ prefix: "6455-4.2.1-upgrade", group: "Upgrade and Connection", expect: opens }, [
    upgrade("mixed-case", "WebSocket"),
    upgrade("upper-case", "WEBSOCKET"),
    connection("lower-case", "upgrade"),
    connection("upper-case", "UPGRADE"),
    // What Firefox sends.
    connection("firefox", "keep-alive, Upgrade"),
    connection("list", "Upgrade, Sec-WebSocket-Foo , x-other"),
    ["connection-lines", "Connection in two lines", () => ({ headers: { Connection: ["keep-alive", "Upgrade"] } })],
  ]),
  ...family({ prefix: "9110-7.8-upgrade", group: "Upgrade and Connection", expect: betterOpen }, [
    upgrade("list-last", "other, websocket"),
    upgrade("list-first", "websocket, other"),
    upgrade("list-tight", "h2c,websocket"),
    upgrade("list-empty-members", ", ,websocket,"),
    connection("empty-members", ",, Upgrade ,"),
    ["lines", "Upgrade in two lines", () => ({ headers: { Upgrade: ["other", "websocket"] } })],
  ]),
  ...family({ prefix: "6455-4.2.1-no-upgrade", group: "Upgrade and Connection", expect: notAsked }, [
    ["missing", "no Upgrade", () => ({ headers: { Upgrade: null } })],
    ["connection-missing", "no Connection", () => ({ headers: { Connection: null } })],
    ["both-missing", "neither Upgrade nor Connection", () => ({ headers: { Upgrade: null, Connection: null } })],
    ["plain", "a plain GET", () => ({ headers: { Upgrade: null, Connection: null }, key: null, version: null })],
    upgrade("empty", ""),
    upgrade("prefix", "websocke"),
    upgrade("suffix", "websocket2"),
    upgrade("inside", "x-websocket-y"),
    upgrade("two-words", "web socket"),
    upgrade("quoted", '"websocket"'),
    upgrade("semicolon", "other;websocket"),
    upgrade("h2c", "h2c"),
    upgrade("tls", "TLS/1.0"),
    connection("empty", ""),
    connection("keep-alive", "keep-alive"),
    connection("close", "close"),
    connection("similar", "upgraded"),
    connection("quoted", '"upgrade"'),
    connection("semicolon", "keep-alive; upgrade"),
  ]),
  ...family({ prefix: "9110-7.6.1-connection", group: "Upgrade and Connection", expect: survives }, [
    connection("close-and-upgrade", "close, Upgrade"),
    connection("names-the-key", "Upgrade, Sec-WebSocket-Key"),
    upgrade("version", "websocket/13"),
    upgrade("many", `${"x,".repeat(3000)}websocket`),
    connection("many", `${"x,".repeat(3000)}Upgrade`),
  ]),

  // RFC 9112 §3.2: "a 400 response to any HTTP/1.1 request message" with no Host, two, or one that is not valid.
  ...family({ prefix: "9112-3.2-host", group: "Host", expect: refusedWith(400) }, [
    ["missing", "no Host", () => ({ headers: { Host: null } })],
    ["doubled", "the right Host, twice", ({ host: own }) => ({ headers: { Host: [own, own] } })],
    ["foreign-first", "a foreign Host before the right one", ({ host: own }) => ({ headers: { Host: ["evil.example", own] } })],
    ["foreign-last", "a foreign Host behind the right one", ({ host: own }) => ({ headers: { Host: [own, "evil.example"] } })],
    host("space", "app.example evil.example"),
    host("path", "app.example/evil"),
    host("user", "user@app.example"),
    host("scheme", "http://app.example"),
    host("query", "app.example?a"),
    host("fragment", "app.example#a"),
    host("backslash", "app.example\\evil"),
    host("two-ports", "app.example:80:80"),
    host("port-name", "app.example:http"),
    host("open-bracket", "[::1"),
    host("bare-ipv6", "::1"),
    host("quotes", '"app.example"'),
    host("angle", "<script>"),
    host("percent", "app%zz.example"),
  ]),
  // RFC 9110 §4.2.1: no http URL without a host.
  ...family({ prefix: "9110-4.2.1-host", group: "Host", level: "strict", expect: refusedWith(400) }, [host("empty", ""), host("port-only", ":80")]),
  ...family({ prefix: "9110-7.2-host", group: "Host", expect: survives }, [
    host("foreign", "evil.example"),
    host("long", `${"a".repeat(60)}.`.repeat(60)),
    host("prototype", "__proto__"),
    host("line-break", "app.example%0d%0aX-Forged:%201"),
  ]),
];
