import type { HandshakeCase } from "./case.ts";
import { betterOpen, family, survives, type Rows } from "./write.ts";

const PMD = "permessage-deflate";
const offer = (name: string, ...lines: readonly string[]): Rows[number] => [
  name,
  `the extensions ${JSON.stringify(lines.join(" | ").slice(0, 60))}`,
  () => ({ headers: { "Sec-WebSocket-Extensions": lines } }),
];
const hostile = (name: string, title: string, spell: (length: number) => string): HandshakeCase => ({
  id: `6455-9.1-hostile-extension-${name}`,
  group: "extensions",
  title,
  level: "must",
  request: () => ({ headers: { "Sec-WebSocket-Extensions": spell(12_288) } }),
  half: () => ({ headers: { "Sec-WebSocket-Extensions": spell(6144) } }),
  expect: survives,
});

/** RFC 6455 §9.1; what permessage-deflate itself demands is in the table of frames. Nothing unoffered is ever confirmed. */
export const extensionCases: readonly HandshakeCase[] = [
  ...family({ prefix: "6455-9.1-extension", group: "extensions", expect: betterOpen }, [
    offer("unknown", "x-unknown"),
    offer("unknown-parameters", 'x-unknown; a; b=1; c="two words"'),
    offer("lines", "x-unknown", "x-other; a=1", PMD),
    offer("chrome", `${PMD}; client_max_window_bits`),
    offer("webkit", "x-webkit-deflate-frame"),
    offer("prototype", "__proto__; constructor=1, hasOwnProperty, toString; valueOf"),
    offer("prototype-parameters", `${PMD}; __proto__=1; constructor=2, ${PMD}; toString`),
    ["many", "3000 extensions", () => ({ headers: { "Sec-WebSocket-Extensions": Array.from({ length: 3000 }, (_, at) => at.toString(36)).join() } })],
    [
      "many-offers",
      "500 offers that cannot be met",
      () => ({ headers: { "Sec-WebSocket-Extensions": Array.from({ length: 500 }, () => `${PMD};a=1`).join() } }),
    ],
  ]),
  ...family({ prefix: "6455-9.1-junk", group: "extensions", expect: survives }, [
    offer("empty", ""),
    offer("commas", ",,,"),
    offer("semicolons", ";;;"),
    offer("equals", "="),
    offer("quote", '"'),
    offer("open-quote", 'x; a="b'),
    offer("backslash", 'x; a="\\'),
    offer("brackets", "[{(<>)}]"),
    offer("latin-1", "\xe9; \xff=1"),
    offer("nul", "x\0y"),
    offer("line-break", "x\r\nX-Forged: 1"),
    offer("cr", "x\rX-Forged: 1"),
    offer("quoted-line-break", 'x; a="\\r\\nX-Forged: 1"'),
    offer("wide-line-break", "x\xe5\x98\x8a\xe5\x98\x8dX-Forged: 1"),
  ]),
  // websocket-extensions CVE-2020-7662, and its like.
  hostile("open-quote", "an open quote and 12 KiB of backslashes", (length) => `x; a="${"\\".repeat(length)}`),
  hostile("open-quote-pairs", "an open quote and 12 KiB of escaped letters", (length) => `x; a="${"\\b".repeat(length / 2)}`),
  hostile("spaces", "12 KiB of spaces before a semicolon", (length) => `x${" ".repeat(length)};a`),
  hostile("semicolons", "12 KiB of semicolons", (length) => `x${";".repeat(length)}`),
  hostile("parameters", "12 KiB of parameters", (length) => `${PMD}${";a=1".repeat(length / 4)}`),
  hostile("offers", "12 KiB of offers", (length) => `x${",x;a".repeat(length / 4)}`),
  hostile("quotes", "12 KiB of quotes", (length) => `x; a=${'"'.repeat(length)}`),
];
