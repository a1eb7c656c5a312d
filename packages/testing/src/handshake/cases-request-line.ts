import type { HandshakeCase } from "./case.ts";
import { betterOpen, family, leadsElsewhere, opens, refused, refusedWith, survives, type Rows } from "./write.ts";

const method = (word: string, name = word): Rows[number] => [name, `the method ${JSON.stringify(word)}`, () => ({ method: word })];
const version = (words: string, name = words.replace("HTTP/", "")): Rows[number] => [
  name,
  `${JSON.stringify(words)} at the end of the request line`,
  () => ({ rewrite: (text) => text.replace(" HTTP/1.1", words && ` ${words}`) }),
];
const target = (name: string, path: string): Rows[number] => [name, `the target ${JSON.stringify(path.slice(0, 40))}`, () => ({ path })];
/** Beside the path that is tested; put before its query. */
const beside = (name: string, suffix: string): Rows[number] => [
  name,
  `the right path and ${JSON.stringify(suffix)}`,
  ({ path }) => ({ path: path.replace(/(?=\?)|$/, () => suffix) }),
];
const asked = (name: string, query: string): Rows[number] => [
  name,
  `the query ${JSON.stringify(query.slice(0, 40))}`,
  ({ path }) => ({ path: `${path}${path.includes("?") ? "&" : "?"}${query}` }),
];

/** RFC 6455 §4.2.1: a GET of HTTP/1.1 or higher, and RFC 9112 §3: the request line. */
export const requestLineCases: readonly HandshakeCase[] = [
  ...family(
    { prefix: "6455-4.2.1-method", group: "methods", expect: refusedWith(405) },
    ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "SEARCH"].map((name) => method(name)),
  ),
  ...family({ prefix: "9110-9.1-method", group: "methods", expect: refused }, [
    ...["CONNECT", "get", "Get", "WEBSOCKET", "GE", "GETS", "PRI"].map((name) => method(name)),
    method("G\tET", "tab"),
    method("GET\0", "nul"),
    method("", "empty"),
  ]),
  ...family(
    { prefix: "6455-4.2.1-http", group: "HTTP versions", expect: refusedWith(400, 426, 505) },
    ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9"].map((line) => version(line)),
  ),
  ...family({ prefix: "9112-2.3-version", group: "HTTP versions", expect: refused }, [
    ...["HTTP/11", "HTTP/1.10", "HTTP/1", "HTTP/1.x", "HTTP/-1.1"].map((line) => version(line)),
    version("http/1.1", "lower-case"),
    version("HTTPS/1.1", "https"),
    version("ICY/1.1", "icy"),
    version("HTTP/1.1 x", "more"),
    version("", "none"),
  ]),
  // §2.5: a higher minor version is to be taken as the highest that is known.
  ...family(
    { prefix: "9112-2.5-version", group: "HTTP versions", expect: survives },
    ["HTTP/1.2", "HTTP/3.0"].map((line) => version(line)),
  ),
  ...family({ prefix: "9112-3-line", group: "HTTP versions", expect: survives }, [
    ["spaces", "three spaces in the request line", () => ({ rewrite: (text) => text.replace(" ", "   ") })],
    ["trailing", "a space behind the request line", () => ({ rewrite: (text) => text.replace("\r\n", " \r\n") })],
    ["tab", "a tab before the version", () => ({ rewrite: (text) => text.replace(" HTTP", "\tHTTP") })],
    ["leading", "a space before the request line", () => ({ rewrite: (text) => ` ${text}` })],
  ]),
  // RFC 9112 §3.2, RFC 3986 §3.3: not even a target.
  ...family({ prefix: "9112-3.2-target", group: "targets", expect: refused }, [
    target("nul", "/\0"),
    target("control", "/\x01"),
    target("delete", "/\x7f"),
    target("space", "/a b"),
    target("cr", "/a\rb"),
    target("empty", ""),
    target("no-slash", "nowhere"),
    target("long", `/${"x".repeat(20_480)}`),
  ]),
  // Routers cut off the first character, whatever it is.
  ...family({ prefix: "9112-3.2-form", group: "targets", expect: refusedWith(400) }, [
    ["asterisk", "the right path with * in place of its first slash", ({ path }) => ({ path: path.replace("/", "*") })],
    ["asterisk-slash", "the right path behind *", ({ path }) => ({ path: `*${path}` })],
    ["websocket-url", "the URL that a client opens", ({ host, path }) => ({ path: `ws://${host}${path}` })],
    ["other-host", "the right path as a URL of another host", ({ path }) => ({ path: `http://evil.example${path}` })],
    ["authority", "host and port alone", ({ hostname, port }) => ({ path: `${hostname}:${port}` })],
    ["user", "the whole URL with a user name", ({ scheme, host, path }) => ({ path: `${scheme}://user@${host}${path}` })],
  ]),
  // "SHOULD respond with either a 400 or a 301": no URL can be made of them.
  ...family({ prefix: "9112-3-target", group: "targets", level: "strict", expect: refusedWith(400, 404, 500) }, [
    target("scheme-only", "http://"),
    target("open-bracket", "http://["),
    target("percent", "/%"),
    target("percent-one-digit", "/%1"),
    target("percent-no-digits", "/%zz"),
    target("percent-not-utf8", "/%ff"),
    target("percent-overlong", "/%c0%af"),
  ]),
  // What a router takes for its root.
  ...family({ prefix: "3986-6-root", group: "targets", expect: leadsElsewhere }, [
    target("slash", "/"),
    target("two-slashes", "//"),
    target("three-slashes", "///"),
    target("asterisk", "*"),
    target("query", "?"),
    target("dots", "/.."),
  ]),
  // Well written, but this server should not know them.
  ...family({ prefix: "6455-4.2.2-unknown", group: "targets", expect: { ...leadsElsewhere, best: { statuses: [400, 404] } } }, [
    target("path", "/upwire-nowhere"),
    target("two-slashes-bracket", "//[::1"),
    target("two-slashes-host", "//evil.example/upwire-nowhere"),
    target("percent-nul", "/%00"),
    target("percent-slash", "/%2f"),
    target("percent-line-break", "/%0d%0aX-Forged:%201"),
    target("dots", "/../../etc/passwd"),
    target("percent-dots", "/%2e%2e/%2e%2e/etc/passwd"),
    target("backslashes", "/..\\..\\windows"),
    target("not-ascii", "/\xc3\xa9"),
    target("prototype", "/__proto__"),
    target("constructor", "/constructor/prototype"),
    target("semicolon", "/;a=1"),
    target("deep", "/a".repeat(2000)),
    target("foreign", "http://evil.example/upwire-nowhere"),
    target("other-scheme", "ftp://evil.example/upwire-nowhere"),
  ]),
  ...family({ prefix: "3986-6-near", group: "targets", expect: leadsElsewhere }, [
    beside("slash", "/"),
    beside("slashes", "//"),
    beside("dot", "/."),
    beside("percent-slash", "%2f"),
    beside("percent-nul", "%00"),
    beside("fragment", "#fragment"),
    beside("percent", "%"),
    ["upper-case", "the right path in upper case", ({ path }) => ({ path: path.toUpperCase() })],
    ["doubled-slash", "the right path behind one more slash", ({ path }) => ({ path: `/${path}` })],
    ["dotted", "the right path behind /.", ({ path }) => ({ path: `/.${path}` })],
    // RFC 9112 §3.2.2: a server has to take it, and few do.
    ["absolute", "the whole URL as the target", ({ origin, path }) => ({ path: origin + path })],
  ]),
  ...family({ prefix: "3986-3.4-query", group: "targets", expect: opens }, [
    asked("plain", "a=1&b=2"),
    asked("empty", ""),
    asked("question-marks", "???"),
    asked("percent", "a=%20%c3%a9"),
    asked("prototype", "__proto__=1&constructor[prototype][a]=1"),
    asked("line-break", "a=%0d%0aX-Forged:%201"),
    asked("many", "a&".repeat(1000)),
    asked("long", `a=${"x".repeat(4096)}`),
  ]),
  ...family({ prefix: "3986-2.1-query", group: "targets", level: "strict", expect: survives }, [
    asked("percent-end", "a=%"),
    asked("percent-not-utf8", "a=%ff"),
    asked("percent-nul", "a=%00"),
  ]),
  ...family({ prefix: "6455-4.2.1-get", group: "methods", expect: opens }, [
    ["override", "GET, and X-HTTP-Method-Override: POST", () => ({ headers: { "X-HTTP-Method-Override": "POST" } })],
  ]),
  ...family({ prefix: "6455-4.2.1-override", group: "methods", expect: refusedWith(405) }, [
    ["post", "POST, and X-HTTP-Method-Override: GET", () => ({ method: "POST", headers: { "X-HTTP-Method-Override": "GET" } })],
  ]),
  ...family({ prefix: "9112-2.2-empty-line", group: "HTTP versions", expect: betterOpen }, [
    ["before", "an empty line before the request", () => ({ rewrite: (text) => `\r\n${text}` })],
  ]),
];
