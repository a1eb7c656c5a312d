import { Opcode, type FrameInit } from "../client-frame.ts";
import type { Chunking, ConformanceCase, Expectation } from "./case.ts";
import { binary, close, echoBinary, echoText, fragments, letters, more, octets, open, ping, pong, text, wire } from "./write.ts";

type Row = readonly [name: string, title: string, frames: readonly FrameInit[], expect: Expectation, chunking?: Chunking];

const table = (prefix: string, group: string, rows: readonly Row[]): ConformanceCase[] =>
  rows.map(([name, title, frames, expect, chunking]) => ({
    id: `${prefix}-${name}`,
    group,
    title,
    level: "must",
    send: [{ frames, ...chunking }],
    expect,
  }));

const payloads = (...all: readonly (Uint8Array | string)[]): Buffer[] => all.map((payload) => Buffer.from(payload as string));
const bytewise: Chunking = { chunkBytes: 1 };
const broken: Expectation = { close: [1002] };
const after = text("after");

const hundred = Array.from({ length: 100 }, (_, at) => `ping ${at}`);

/** RFC 6455 §5.5.2, §5.5.3 and the limits of §5.5. */
const pingRows: readonly Row[] = [
  ...[0, 1, 2, 64, 124, 125].flatMap((size): Row[] => [
    [`ping-${size}`, `a ping of ${size} bytes`, [ping(octets(size))], { pongs: [octets(size)] }],
    [`ping-${size}-bytewise`, `a ping of ${size} bytes, one byte at a time`, [ping(octets(size))], { pongs: [octets(size)] }, bytewise],
  ]),
  ...[126, 127, 200, 65_536].flatMap((size): Row[] => [
    [`ping-${size}`, `a ping of ${size} bytes is too long`, [ping(octets(size))], broken],
    [`pong-${size}`, `a pong of ${size} bytes is too long`, [pong(octets(size))], broken],
  ]),
  ["ping-utf8", "a ping payload need not be UTF-8", [ping(Buffer.of(0xff, 0xfe, 0x80))], { pongs: [Buffer.of(0xff, 0xfe, 0x80)] }],
  ["ping-then-text", "a ping, then a message", [ping("p"), after], { pongs: payloads("p"), messages: [echoText("after")] }],
  ["ping-ten", "ten pings in one write", Array.from({ length: 10 }, (_, at) => ping(`ping ${at}`)), { pongs: payloads(...hundred.slice(0, 10)) }],
  ["ping-ten-bytewise", "ten pings, one byte at a time", hundred.slice(0, 10).map((p) => ping(p)), { pongs: payloads(...hundred.slice(0, 10)) }, bytewise],
  ["ping-hundred", "a hundred pings, then a message", [...hundred.map((p) => ping(p)), after], { pongs: payloads(...hundred), messages: [echoText("after")] }],
  ["pong-empty", "an unsolicited pong without a payload is ignored", [pong(), after], { messages: [echoText("after")] }],
  ["pong-payload", "an unsolicited pong with a payload is ignored", [pong("unsolicited"), after], { messages: [echoText("after")] }],
  ["pong-125", "an unsolicited pong of 125 bytes is ignored", [pong(octets(125)), after], { messages: [echoText("after")] }],
  ["pong-ping", "an unsolicited pong, then a ping", [pong("unsolicited"), ping("p")], { pongs: payloads("p") }],
  ["pong-many", "a hundred unsolicited pongs", [...hundred.map((p) => pong(p)), after], { messages: [echoText("after")] }],
  ["ping-fragmented", "a ping that says more follows", [ping("p", open)], broken],
  ["ping-fragmented-two", "a ping in two fragments", [ping("a", open), more("b")], broken],
  ["pong-fragmented", "a pong that says more follows", [pong("p", open)], broken],
  ["close-fragmented", "a close frame that says more follows", [{ ...close(1000), fin: false }], broken],
  ["ping-amid", "a ping between two fragments", [text("a", open), ping("p"), more("b")], { pongs: payloads("p"), messages: [echoText("ab")] }],
  ["pong-amid", "a pong between two fragments", [text("a", open), pong("p"), more("b")], { messages: [echoText("ab")] }],
  [
    "ping-amid-bytewise",
    "a ping between two fragments, one byte at a time",
    [text("a", open), ping("p"), more("b")],
    { pongs: payloads("p"), messages: [echoText("ab")] },
    bytewise,
  ],
  [
    "ping-amid-each",
    "a ping after every fragment",
    [text("a", open), ping("1"), more("b", open), ping("2"), more("c", open), ping("3"), more("d")],
    { pongs: payloads("1", "2", "3"), messages: [echoText("abcd")] },
  ],
  ["ping-amid-fragmented", "a fragmented ping inside a message", [text("a", open), ping("p", open)], broken],
  ["ping-amid-long", "a ping of 126 bytes inside a message", [text("a", open), ping(octets(126))], broken],
  [
    "ping-amid-split-character",
    "a ping in the middle of a character",
    [text(Buffer.of(0xc3), open), ping(Buffer.of(0xff)), more(Buffer.of(0xa9))],
    { pongs: [Buffer.of(0xff)], messages: [echoText("é")] },
  ],
];

const abc = (kind: typeof text): FrameInit[] => [kind("a", open), more("b", open), more("c")];

/** RFC 6455 §5.4. */
const fragmentRows: readonly Row[] = [
  ["two-text", "a text message in two fragments", [text("a", open), more("b")], { messages: [echoText("ab")] }],
  ["two-binary", "a binary message in two fragments", [binary("a", open), more("b")], { messages: [echoBinary("ab")] }],
  ["three-text", "a text message in three fragments", abc(text), { messages: [echoText("abc")] }],
  ["three-binary", "a binary message in three fragments", abc(binary), { messages: [echoBinary("abc")] }],
  ["three-bytewise", "three fragments, one byte at a time", abc(text), { messages: [echoText("abc")] }, bytewise],
  ["empty-first", "an empty first fragment", [text("", open), more("b")], { messages: [echoText("b")] }],
  ["empty-middle", "an empty fragment in the middle", [text("a", open), more("", open), more("b")], { messages: [echoText("ab")] }],
  ["empty-last", "an empty last fragment", [text("a", open), more("")], { messages: [echoText("a")] }],
  ["empty-all-text", "a text message of three empty fragments", [text("", open), more("", open), more("")], { messages: [echoText("")] }],
  ["empty-all-binary", "a binary message of three empty fragments", [binary("", open), more("", open), more("")], { messages: [echoBinary("")] }],
  ["empty-two", "a text message of two empty fragments", [text("", open), more("")], { messages: [echoText("")] }],
  ["hundred", "a hundred fragments of one byte", fragments(Opcode.text, letters(100), 1), { messages: [echoText(letters(100))] }],
  ["hundred-bytewise", "a hundred fragments, one byte at a time", fragments(Opcode.text, letters(100), 1), { messages: [echoText(letters(100))] }, bytewise],
  ["thousand", "a thousand fragments of one byte", fragments(Opcode.binary, octets(1000), 1), { messages: [echoBinary(octets(1000))] }],
  ["large-64", "64 KiB in fragments of 997 bytes", fragments(Opcode.binary, octets(65_536), 997), { messages: [echoBinary(octets(65_536))] }],
  ["large-1024", "1 MiB in fragments of 4096 bytes", fragments(Opcode.text, letters(1_048_576), 4096), { messages: [echoText(letters(1_048_576))] }],
  [
    "large-binary",
    "1 MiB in fragments of 65536 bytes, 997 bytes at a time",
    fragments(Opcode.binary, octets(1_048_576), 65_536),
    { messages: [echoBinary(octets(1_048_576))] },
    { chunkBytes: 997 },
  ],
  [
    "unequal",
    "fragments of 125, 126, 65535 and 65536 bytes",
    [text(letters(125), open), more(letters(126), open), more(letters(65_535), open), more(letters(65_536))],
    { messages: [echoText(Buffer.concat([125, 126, 65_535, 65_536].map(letters)))] },
  ],
  ["two-messages", "two fragmented messages", [...abc(text), ...abc(binary)], { messages: [echoText("abc"), echoBinary("abc")] }],
  ["whole-then-fragmented", "a whole message, then a fragmented one", [binary("x"), ...abc(text)], { messages: [echoBinary("x"), echoText("abc")] }],
  ["fragmented-then-whole", "a fragmented message, then a whole one", [...abc(binary), text("x")], { messages: [echoBinary("abc"), echoText("x")] }],
  [
    "many-messages",
    "three hundred messages in one write",
    hundred.flatMap((t) => [text(t), binary(t), text("")]),
    { messages: hundred.flatMap((t) => [echoText(t), echoBinary(t), echoText("")]) },
  ],
  ["continuation-first", "a continuation of nothing", [more("x")], broken],
  ["continuation-first-open", "a continuation of nothing that says more follows", [more("x", open)], broken],
  ["continuation-first-empty", "an empty continuation of nothing", [more()], broken],
  ["continuation-after-whole", "a continuation after a whole message", [text("a"), more("b")], { messages: [echoText("a")], close: [1002] }],
  ["continuation-after-end", "a continuation after the last fragment", [...abc(text), more("d")], { messages: [echoText("abc")], close: [1002] }],
  ["continuation-after-ping", "a continuation after a ping", [ping("p"), more("b")], { pongs: payloads("p"), close: [1002] }],
  ["continuation-then-text", "a continuation of nothing, then a message", [more("x", open), text("y")], broken],
  ["text-in-text", "a text message inside a text message", [text("a", open), text("b")], broken],
  ["text-in-text-open", "a second first fragment", [text("a", open), text("b", open), more("c")], broken],
  ["binary-in-text", "a binary message inside a text message", [text("a", open), binary("b")], broken],
  ["text-in-binary", "a text message inside a binary message", [binary("a", open), text("b")], broken],
  ["binary-in-binary", "a binary message inside a binary message", [binary("a", open), binary("b")], broken],
  ["text-in-middle", "a new message after two fragments", [text("a", open), more("b", open), text("c")], broken],
  ["text-after-empty", "a new message after an empty first fragment", [text("", open), text("b")], broken],
  ["close-in-message", "a close frame inside a message", [text("a", open), close(1000)], { close: [1000, 1005] }],
];

const frame = wire(text("early"));

/** RFC 6455 §4.1 lets a client send once the 101 came; what arrives with the request must still not be lost. */
const earlyRows: readonly (readonly [name: string, title: string, early: Uint8Array, later: Uint8Array | undefined, expect: Expectation])[] = [
  ["text", "a text message", wire(text("early")), undefined, { messages: [echoText("early")] }],
  ["binary", "a binary message of 126 bytes", wire(binary(octets(126))), undefined, { messages: [echoBinary(octets(126))] }],
  ["two", "two messages", wire(text("one"), binary("two")), undefined, { messages: [echoText("one"), echoBinary("two")] }],
  ["large", "a message of 10000 bytes", wire(binary(octets(10_000))), undefined, { messages: [echoBinary(octets(10_000))] }],
  ["ping", "a ping", wire(ping("early")), undefined, { pongs: payloads("early") }],
  ["then-more", "a message, and one after the answer", wire(text("early")), wire(text("later")), { messages: [echoText("early"), echoText("later")] }],
  ["half", "half a frame, the rest after the answer", frame.subarray(0, 3), frame.subarray(3), { messages: [echoText("early")] }],
  ["fragment", "a first fragment, the last after the answer", wire(text("ear", open)), wire(more("ly")), { messages: [echoText("early")] }],
  ["close", "a close frame", wire(close(1000)), undefined, { close: [1000, 1005] }],
  ["text-close", "a message and a close frame", wire(text("early"), close(1000)), undefined, { messages: [echoText("early")], close: [1000, 1005] }],
  ["bad", "a reserved opcode", wire({ opcode: 3 }), undefined, broken],
  ["unmasked", "an unmasked frame", wire(text("bare", { mask: false })), undefined, broken],
];

function earlyCases(): ConformanceCase[] {
  return earlyRows.map(([name, title, early, later, expect]) => ({
    id: `6455-4.2-early-${name}`,
    group: "early data",
    title: `in the packet of the handshake: ${title}`,
    level: "must",
    early,
    send: later === undefined ? [] : [{ raw: later }],
    expect,
  }));
}

export const messageCases: readonly ConformanceCase[] = [
  ...table("6455-5.5", "ping and pong", pingRows),
  ...table("6455-5.4", "fragmentation", fragmentRows),
  ...earlyCases(),
];
