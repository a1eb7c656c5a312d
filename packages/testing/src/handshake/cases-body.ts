import type { HandshakeCase } from "./case.ts";
import { betterOpen, betterRefused, family, opens, refused, refusedWith, type Request, type Rows } from "./write.ts";

const body = (name: string, title: string, headers: Readonly<Record<string, string | readonly string[]>>, bytes = ""): Rows[number] => [
  name,
  title,
  () => ({ headers, rewrite: (text) => text + bytes }),
];
const early = (name: string, title: string, messages: readonly string[], chunkBytes?: number): Rows[number] => {
  const request: Request = () => ({ early: messages, ...(chunkBytes === undefined ? {} : { chunkBytes }) });
  return [name, title, request];
};

/** What comes behind the head of the request: a body, which a handshake has not, or the first messages. */
export const bodyCases: readonly HandshakeCase[] = [
  // A body is no frame, and a frame is no body: whoever mixes them up reads one as the other.
  ...family({ prefix: "9112-6-body", group: "request bodies", expect: betterRefused(400) }, [
    body("length", "a body of 5 bytes", { "Content-Length": "5" }, "hello"),
    body("length-large", "a body of 64 KiB", { "Content-Length": "65536" }, "x".repeat(65_536)),
    body("length-frame", "a body that is a frame", { "Content-Length": "11" }, "\x81\x85\0\0\0\0hello"),
    body("chunked", "a chunked body", { "Transfer-Encoding": "chunked" }, "5\r\nhello\r\n0\r\n\r\n"),
    body("chunked-empty", "an empty chunked body", { "Transfer-Encoding": "chunked" }, "0\r\n\r\n"),
    body("gzip-chunked", "a body that is gzip and chunked", { "Transfer-Encoding": "gzip, chunked" }, "0\r\n\r\n"),
  ]),
  ...family({ prefix: "9112-6.3-empty", group: "request bodies", expect: betterOpen }, [body("zero", "Content-Length: 0", { "Content-Length": "0" })]),
  // RFC 9112 §6.3: "the server MUST respond with a 400".
  ...family({ prefix: "9112-6.3-length", group: "request bodies", expect: refusedWith(400) }, [
    body("negative", "Content-Length: -1", { "Content-Length": "-1" }),
    body("plus", "Content-Length: +5", { "Content-Length": "+5" }, "hello"),
    body("hex", "Content-Length: 0x5", { "Content-Length": "0x5" }, "hello"),
    body("word", "Content-Length: five", { "Content-Length": "five" }),
    body("differ", "two lengths that differ", { "Content-Length": ["0", "5"] }, "hello"),
    body("list", "two lengths that differ, in one line", { "Content-Length": "0, 5" }, "hello"),
    body("overflow", "a length that no number holds", { "Content-Length": "99999999999999999999999" }),
  ]),
  // §6.1: what smuggling is made of.
  ...family({ prefix: "9112-6.1-both", group: "request bodies", expect: refused }, [
    body("length-chunked", "Content-Length and chunked", { "Content-Length": "5", "Transfer-Encoding": "chunked" }, "0\r\n\r\n"),
    body("not-last", "chunked, but not last", { "Transfer-Encoding": "chunked, identity" }, "0\r\n\r\n"),
  ]),

  ...family({ prefix: "6455-4.1-early", group: "order of bytes", expect: opens }, [
    early("one", "a message in the write of the request", ["early"]),
    early("three", "three messages in the write of the request", ["one", "two", "three"]),
    early(
      "hundred",
      "a hundred messages in the write of the request",
      Array.from({ length: 100 }, (_, at) => `message ${at}`),
    ),
    early("empty", "an empty message in the write of the request", [""]),
    early("long", "a message of 100,000 bytes behind the request", ["x".repeat(100_000)]),
    early("bytewise", "a message behind the request, byte by byte", ["early"], 1),
    early("chopped", "messages behind the request, 11 bytes at a time", ["one", "two", "three"], 11),
    early("long-chopped", "a message of 100,000 bytes behind the request, 1000 bytes at a time", ["x".repeat(100_000)], 1000),
  ]),
  // RFC 9112 §9.3: one connection, several requests.
  ...family({ prefix: "9112-9.3-after", group: "order of bytes", expect: opens }, [
    ["not-found", "behind a GET of an unknown path, on the same connection", () => ({ after: "/upwire-nowhere" })],
    ["root", "behind a GET of /, on the same connection", () => ({ after: "/" })],
    ["early", "the same, with a message in the write of the request", () => ({ after: "/upwire-nowhere", early: ["early"] })],
  ]),
  ...family(
    {
      prefix: "9112-9.3-after-refused",
      group: "order of bytes",
      expect: { answers: ["refused"], best: { statuses: [426], headers: { "sec-websocket-version": "13" } } },
    },
    [["version", "a handshake of another version behind a GET of an unknown path", () => ({ after: "/upwire-nowhere", version: "12" })]],
  ),
  ...family({ prefix: "6455-4.1-early-refused", group: "order of bytes", expect: refused }, [
    ["version", "messages behind a handshake of another version", () => ({ version: "12", early: ["one", "two"] })],
    ["no-key", "messages behind a handshake without a key", () => ({ key: null, early: ["one", "two"] })],
    ["plain", "messages behind a plain GET", () => ({ headers: { Upgrade: null, Connection: null }, early: ["one", "two"] })],
    ["method", "messages behind a POST", () => ({ method: "POST", early: ["x".repeat(100_000)] })],
  ]),
];
