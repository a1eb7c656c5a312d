import type { HandshakeCase, HandshakeExpectation } from "./case.ts";
import { betterRefused, family, opens, refusedWith, survives, type Rows } from "./write.ts";

const NAME = "x-upwire-nobody-speaks-this";
const offer = (name: string, ...lines: readonly string[]): Rows[number] => [
  name,
  `the subprotocols ${JSON.stringify(lines.join(" | ").slice(0, 60))}`,
  () => ({ headers: { "Sec-WebSocket-Protocol": lines } }),
];
const hostile = (name: string, title: string, spell: (length: number) => string): HandshakeCase => ({
  id: `6455-4.2.1-hostile-protocol-${name}`,
  group: "subprotocols",
  title,
  level: "must",
  request: () => ({ headers: { "Sec-WebSocket-Protocol": spell(12_288) } }),
  half: () => ({ headers: { "Sec-WebSocket-Protocol": spell(6144) } }),
  expect: survives,
});
const known = (name: string, title: string, lines: (spoken: string) => string | readonly string[]): HandshakeCase => ({
  id: `6455-4.2.2-spoken-${name}`,
  group: "subprotocols",
  title,
  level: "must",
  needs: "subprotocol",
  request: ({ subprotocols: [spoken = ""] }) => ({ headers: { "Sec-WebSocket-Protocol": lines(spoken) } }),
  expect: { answers: [101], confirms: "subprotocol" },
});

/** RFC 6455 §4.2.2: no subprotocol is confirmed that the server does not speak, and the connection opens without one. */
const unconfirmed: HandshakeExpectation = { answers: [101, "refused"], best: { statuses: [101] }, confirms: "nothing" };

/** RFC 6455 §4.2.1 and §11.3.4: `Sec-WebSocket-Protocol` is a list of tokens. */
export const subprotocolCases: readonly HandshakeCase[] = [
  known("one", "a subprotocol that the server speaks", (spoken) => spoken),
  known("last", "the same behind one that it does not speak", (spoken) => `${NAME}, ${spoken}`),
  known("lines", "the same in the second line", (spoken) => [NAME, spoken]),
  ...family({ prefix: "6455-4.2.2-protocol", group: "subprotocols", level: "strict", expect: unconfirmed }, [
    offer("one", NAME),
    offer("two", `${NAME}, ${NAME}-2`),
    offer("lines", NAME, `${NAME}-2`),
    offer("tight", `${NAME},${NAME}-2`),
    offer("prototype", "__proto__"),
    offer("members", "constructor, toString, hasOwnProperty"),
    offer("long", "x".repeat(4096)),
    offer("every-character", "!#$%&'*+-.^_`|~"),
    [
      "case",
      "a subprotocol of the server in other letters",
      ({ subprotocols: [spoken = NAME] }) => ({ headers: { "Sec-WebSocket-Protocol": `${spoken}-X`.toUpperCase() } }),
    ],
    ["many", "3000 subprotocols", () => ({ headers: { "Sec-WebSocket-Protocol": Array.from({ length: 3000 }, (_, at) => at.toString(36)).join() } })],
  ]),
  // §4.2.1: what breaks the grammar is refused.
  ...family({ prefix: "6455-11.3.4-malformed", group: "subprotocols", expect: refusedWith(400) }, [
    offer("empty", ""),
    offer("space", `${NAME} 2`),
    offer("tab", `${NAME}\t2`),
    offer("quoted", `"${NAME}"`),
    offer("slash", `${NAME}/2`),
    offer("semicolon", `${NAME}; a=1`),
    offer("equals", `${NAME}=1`),
    offer("parentheses", `(${NAME})`),
    offer("brackets", `[${NAME}]`),
    offer("at", `a@${NAME}`),
    offer("colon", `${NAME}:1`),
    offer("comma", ","),
    offer("second", `${NAME}, a b`),
    offer("latin-1", "caf\xe9"),
    offer("utf-8", "\xd0\xb0"),
    // U+560A U+560D: CR and LF for whoever keeps the low bytes only.
    offer("wide-line-break", "a\xe5\x98\x8a\xe5\x98\x8dX-Forged: 1"),
    offer("percent-line-break", "a%0d%0aX-Forged: 1"),
    offer("escaped-line-break", "a\\r\\nX-Forged: 1"),
  ]),
  ...family({ prefix: "9110-5.5-protocol", group: "subprotocols", expect: betterRefused(400) }, [
    offer("vertical-tab", "a\x0bX-Forged: 1"),
    offer("form-feed", "a\x0cX-Forged: 1"),
    offer("next-line", "a\x85X-Forged: 1"),
    offer("cr", "a\rX-Forged: 1"),
    offer("nul", "a\0b"),
    offer("delete", "a\x7f"),
  ]),
  ...family({ prefix: "6455-4.1-twice", group: "subprotocols", level: "strict", expect: refusedWith(400) }, [
    offer("one-line", `${NAME}, ${NAME}`),
    offer("lines", NAME, NAME),
  ]),
  ...family({ prefix: "9110-5.6.1-protocol", group: "subprotocols", expect: survives }, [
    offer("line-feed", `${NAME}\nX-Forged: 1`),
    offer("line-break", `${NAME}\r\nX-Forged: 1`),
  ]),
  // RFC 9110 §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements".
  ...family({ prefix: "9110-5.6.1.2-protocol", group: "subprotocols", expect: opens }, [
    offer("empty-members", `,, ${NAME} ,,`),
    offer("trailing-comma", `${NAME},`),
    offer("empty-line", "", NAME),
  ]),
  // ws CVE-2021-32640, and its like.
  hostile("spaces", "a subprotocol with 12 KiB of spaces inside", (length) => `b${" ".repeat(length)}x`),
  hostile("tabs", "a list with 12 KiB of tabs", (length) => `b,${"\t".repeat(length)}x`),
  hostile("commas", "12 KiB of commas", (length) => `b${",".repeat(length)}x`),
  hostile("commas-spaces", "12 KiB of commas and spaces", (length) => `b${" ,".repeat(length / 2)} `),
  hostile("name", "a subprotocol of 12 KiB", (length) => `${"a".repeat(length)}\xe9`),
  hostile("names", "12 KiB of names", (length) => Array.from({ length: Math.floor(length / 4) }, (_, at) => at.toString(36)).join()),
];
