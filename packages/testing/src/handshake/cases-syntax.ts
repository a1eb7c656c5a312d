import type { HandshakeCase } from "./case.ts";
import { betterOpen, betterRefused, family, opens, refused, refusedWith, survives, withLine, type Rows } from "./write.ts";

const line = (name: string, title: string, text: string): Rows[number] => [name, title, () => ({ rewrite: withLine(text) })];
/** Headers before the first or behind the last that the handshake needs. */
const many = (count: number, where: "before" | "behind"): Rows[number] => [
  `${count}-${where}`,
  `${count} headers more, ${where} the others`,
  () => {
    const lines = "a:b\r\n".repeat(count);
    return { rewrite: where === "behind" ? (text) => `${text.slice(0, -2)}${lines}\r\n` : (text) => text.replace("\r\n", () => `\r\n${lines}`) };
  },
];
const nameCase = (name: string, title: string, spell: (header: string) => string): Rows[number] => [
  name,
  title,
  () => ({ rewrite: (text) => text.replaceAll(/^[A-Z][A-Za-z-]+(?=:)/gm, spell) }),
];

/** RFC 9112 section 2 and 5: how a request is written. */
export const syntaxCases: readonly HandshakeCase[] = [
  ...family({ prefix: "9110-5-headers", group: "header syntax", expect: opens }, [
    nameCase("lower-case", "header names in lower case", (header) => header.toLowerCase()),
    nameCase("upper-case", "header names in upper case", (header) => header.toUpperCase()),
    ["reversed", "the headers in reverse order", () => ({ rewrite: reversed })],
    ["no-spaces", "no space behind the colons", () => ({ rewrite: (text) => text.replaceAll(": ", ":") })],
    ["tabs", "tabs behind the colons", () => ({ rewrite: (text) => text.replaceAll(": ", ":\t\t") })],
    ["trailing-spaces", "spaces behind the values", () => ({ rewrite: (text) => text.replaceAll(/(: .*)\r\n/g, "$1  \r\n") })],
    line("unknown", "headers that nobody knows", "X-Unknown: 1\r\nSec-WebSocket-Unknown: 2"),
    line("prototype", "headers named as members of objects", "__proto__: 1\r\nconstructor: 2\r\ntoString: 3\r\nhasOwnProperty: 4"),
    line("empty-value", "a header without a value", "X-Empty:"),
    line("cookies", "cookies that are none", "Cookie: =; ;;; __proto__=1; a; constructor=x; %zz=%zz"),
    line("twice", "a header of its own, twice", "X-Twice: 1\r\nX-Twice: 2"),
  ]),
  // RFC 9112 §5.1: "A server MUST reject, with a response status code of 400".
  ...family({ prefix: "9112-5.1-name", group: "header syntax", expect: refusedWith(400) }, [
    line("space-before-colon", "a space before a colon", "X-Other : 1"),
    line("tab-before-colon", "a tab before a colon", "X-Other\t: 1"),
    ["space-before-colon-upgrade", "Upgrade with a space before the colon", () => ({ rewrite: (text) => text.replace("Upgrade:", "Upgrade :") })],
  ]),
  ...family({ prefix: "9110-5.6.2-name", group: "header syntax", expect: refused }, [
    line("space", "a space in a header name", "X Other: 1"),
    line("empty", "an empty header name", ": 1"),
    line("no-colon", "a line without a colon", "X-Other"),
    line("parentheses", "a header name that is no token", "X-(Other): 1"),
    line("not-ascii", "a header name that is not ASCII", "X-\xe9: 1"),
    line("nul", "a NUL in a header name", "X-\0: 1"),
  ]),
  // RFC 9110 §5.5: CR, LF and NUL are dangerous wherever they are let through.
  ...family({ prefix: "9110-5.5-value", group: "header syntax", expect: refused }, [
    line("nul", "a NUL in a value", "X-Other: a\0b"),
    line("cr", "a lone CR in a value", "X-Other: a\rX-Forged: 1"),
    line("cr-end", "a CR too many at the end of a line", "X-Other: a\r"),
  ]),
  ...family({ prefix: "9110-5.5-odd", group: "header syntax", expect: survives }, [line("latin-1", "a value that is not ASCII", "X-Other: \xe9\xff")]),
  // Two readers may disagree about where such a line ends: RFC 9112 §2.2 and §5.2 let a server take them, and good ones do not.
  ...family({ prefix: "9112-5.2-lines", group: "header syntax", expect: betterRefused(400) }, [
    line("control", "a control character in a value", "X-Other: a\x01b"),
    line("delete", "a DEL in a value", "X-Other: a\x7fb"),
    line("bare-lf", "a line that ends in LF alone", "X-Other: a\nX-More: 1"),
    line("fold", "a folded line", "X-Other: a\r\n b"),
    line("fold-tab", "a line folded with a tab", "X-Other: a\r\n\tb"),
    ["fold-upgrade", "Upgrade on a folded line", () => ({ rewrite: (text) => text.replace("Upgrade: websocket", "Upgrade:\r\n websocket") })],
    ["fold-first", "a folded line behind the request line", () => ({ rewrite: (text) => text.replace("\r\n", "\r\n X-Other: 1\r\n") })],
    ["lf-only", "every line ends in LF alone", () => ({ rewrite: (text) => text.replaceAll("\r\n", "\n") })],
    ["lf-end", "the empty line is LF alone", () => ({ rewrite: (text) => `${text.slice(0, -2)}\n` })],
  ]),
  ...family({ prefix: "9112-3-chopped", group: "header syntax", expect: opens }, [
    ["bytes", "one byte at a time", () => ({ chunkBytes: 1 })],
    ["two", "two bytes at a time", () => ({ chunkBytes: 2 })],
    ["seven", "seven bytes at a time", () => ({ chunkBytes: 7 })],
  ]),
  ...family({ prefix: "6455-4.2.1-bare", group: "header syntax", expect: refused }, [
    ["line", "a request line and nothing else", () => ({ rewrite: (text) => `${text.split("\r\n", 1)[0]}\r\n\r\n` })],
    ["http-0.9", "a request of HTTP/0.9", ({ path }) => ({ rewrite: () => `GET ${path}\r\n\r\n` })],
    ["tls", "the first bytes of TLS", () => ({ rewrite: () => "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n" })],
    ["http-2", "the preface of HTTP/2", () => ({ rewrite: () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" })],
    ["frames", "a frame in place of the request", () => ({ rewrite: () => "\x81\x85\0\0\0\0hello\r\n\r\n" })],
  ]),
  // No answer fits: whole answers are lost where the server resets what it does not read.
  ...family({ prefix: "6585-5-large", group: "header size", expect: refused }, [
    line("64-kib", "a header of 64 KiB", `X-Large: ${"x".repeat(65_536)}`),
    line("1-mib", "a header of 1 MiB", `X-Large: ${"x".repeat(1_048_576)}`),
    line("name-64-kib", "a header name of 64 KiB", `${"x".repeat(65_536)}: 1`),
    ["cookie-64-kib", "64 KiB of cookies", () => ({ headers: { Cookie: "a=b; ".repeat(13_107) } })],
    line("lines-64-kib", "64 KiB in headers of 1 KiB", Array.from({ length: 64 }, (_, at) => `X-${at}: ${"x".repeat(1024)}`).join("\r\n")),
  ]),
  ...family({ prefix: "6585-5-fits", group: "header size", expect: betterOpen }, [line("4-kib", "a header of 4 KiB", `X-Large: ${"x".repeat(4096)}`)]),
  // ws CVE-2024-37890: what is dropped may be what the server needs.
  ...family(
    { prefix: "9110-5.4-many", group: "header size", expect: survives },
    [100, 1900, 1994, 1995, 1999, 2000, 2001, 2500].flatMap((count) => [many(count, "before"), many(count, "behind")]),
  ),
  ...family({ prefix: "9112-2.2-bare-cr", group: "header syntax", expect: betterRefused(400) }, [
    ["lines", "every line ends in CR alone, then an empty line", () => ({ rewrite: (text) => `${text.trimEnd().replaceAll("\r\n", "\r")}\r\n\r\n` })],
  ]),
];

function reversed(text: string): string {
  const [first = "", ...headers] = text.trimEnd().split("\r\n");
  return [first, ...headers.toReversed(), "", ""].join("\r\n");
}
