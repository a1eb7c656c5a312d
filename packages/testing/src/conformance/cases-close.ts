import type { Level } from "../verdict.ts";
import type { ConformanceCase, Expectation } from "./case.ts";
import { bytes, close, echoText, hexName, letters, open, ping, text } from "./write.ts";
import { Opcode, type FrameInit } from "../client-frame.ts";

/** The IANA WebSocket Close Code Number Registry and RFC 6455 §7.4. */
const REGISTERED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011];
/** Registered after the RFC. */
const LATER = [1012, 1013, 1014];
const FREE = [3000, 3001, 3500, 3999, 4000, 4001, 4500, 4999];
/** §7.4.1: "MUST NOT be set as a status code in a Close control frame"; 1004 is reserved. */
const NEVER_SENT = [1004, 1005, 1006, 1015];
/** §7.4.2: 0 to 999 are not used. */
const UNUSED = [0, 1, 999];
/** Nobody may use them before they are registered, but a receiver cannot know. */
const UNREGISTERED = [1016, 1017, 1099, 1100, 1999, 2000, 2001, 2500, 2998, 2999];
const BEYOND = [5000, 5001, 9999, 32_768, 65_535];

function valid(code: number, level: Level): ConformanceCase[] {
  const group = "close codes";
  return [
    // §5.5.1: the answer "typically echos the status code", so other good ends count too.
    { id: `6455-7.4-code-${code}`, group, title: `close with ${code}`, level, send: [{ frames: [close(code)] }], expect: { close: [code, 1000, 1005] } },
    {
      id: `6455-5.5.1-echo-${code}`,
      group,
      title: `close with ${code} is answered with ${code}`,
      level: "strict",
      send: [{ frames: [close(code, "reason")] }],
      expect: { close: [code] },
    },
  ];
}

function invalid(code: number, level: Level): ConformanceCase {
  return {
    id: `6455-7.4-code-${code}`,
    group: "close codes",
    title: `close with ${code}, which may not be sent`,
    level,
    send: [{ frames: [close(code)] }],
    expect: { close: [1002] },
  };
}

const body = (payload: Uint8Array): FrameInit => ({ opcode: Opcode.close, payload });
const anyEnd: Expectation = { close: [1000, 1005] };
const after = text("after");

const rows: readonly (readonly [name: string, title: string, frames: readonly FrameInit[], expect: Expectation])[] = [
  ["empty", "a close frame without a code", [close()], anyEnd],
  ["one-byte", "a body of one byte", [body(Buffer.of(3))], { close: [1002] }],
  ["one-zero", "a body of one zero", [body(Buffer.of(0))], { close: [1002] }],
  ["reason", "a code and a reason", [close(1000, "going home")], anyEnd],
  ["reason-1", "a reason of one byte", [close(1000, "x")], anyEnd],
  ["reason-122", "a reason of 122 bytes", [close(1000, letters(122))], anyEnd],
  ["reason-123", "a reason of 123 bytes", [close(1000, letters(123))], anyEnd],
  ["reason-124", "a reason of 124 bytes is too long", [close(1000, letters(124))], { close: [1002] }],
  ["reason-utf8", "a reason beyond ASCII", [close(1000, "κόσμε 😀")], anyEnd],
  ["reason-utf8-123", "a reason of 41 three-byte characters", [close(1000, "€".repeat(41))], anyEnd],
  ["data-after", "a message after the close frame is ignored", [close(1000), after], anyEnd],
  ["ping-after", "a ping after the close frame is ignored", [close(1000), ping("after")], anyEnd],
  ["bad-after", "a bad frame after the close frame is ignored", [close(1000), { opcode: 3 }], anyEnd],
  ["unmasked-after", "an unmasked frame after the close frame is ignored", [close(1000), text("bare", { mask: false })], anyEnd],
  ["second", "a second close frame", [close(1000), close(1001)], anyEnd],
  ["second-bad", "a second close frame with a bad code", [close(1000), close(1005)], anyEnd],
  ["ten", "ten close frames", Array.from({ length: 10 }, () => close(1000)), anyEnd],
  ["large-after", "256 KiB after the close frame", [close(1000), text(letters(262_144))], anyEnd],
  ["message-before", "a message, then a close frame", [text("before"), close(1000)], { messages: [echoText("before")], ...anyEnd }],
  ["ping-before", "a ping, then a close frame", [ping("before"), close(1000)], { pongs: [Buffer.from("before")], ...anyEnd }],
  [
    "three-before",
    "three messages, then a close frame",
    [text("1"), text("2"), text("3"), close(1000)],
    { messages: ["1", "2", "3"].map(echoText), ...anyEnd },
  ],
  ["large-before", "a message of 256 KiB, then a close frame", [text(letters(262_144)), close(1000)], { messages: [echoText(letters(262_144))], ...anyEnd }],
  ["fragment-before", "half a message, then a close frame", [text("half", open), close(1001)], { close: [1001, 1000, 1005] }],
];

const badReasons = ["ff", "80", "c0 80", "c3", "e2 82", "ed a0 80", "f4 90 80 80", "ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64"];

function closeCases(): ConformanceCase[] {
  return [
    ...rows.map(([name, title, frames, expect]): ConformanceCase => ({
      id: `6455-5.5.1-${name}`,
      group: "closing",
      title,
      level: "must",
      send: [{ frames }],
      expect,
    })),
    ...badReasons.map((hex): ConformanceCase => ({
      id: `6455-5.5.1-bad-reason-${hexName(bytes(hex))}`,
      group: "closing",
      title: `a reason that is not UTF-8: ${hex}`,
      level: "must",
      send: [{ frames: [close(1000, bytes(hex))] }],
      expect: { close: [1007, 1002] },
    })),
    {
      id: "6455-5.5.1-bytewise",
      group: "closing",
      title: "a close frame, one byte at a time",
      level: "must",
      send: [{ frames: [close(1000, "slowly")], chunkBytes: 1 }],
      expect: anyEnd,
    },
    ...REGISTERED.flatMap((code) => valid(code, "must")),
    ...LATER.flatMap((code) => valid(code, "strict")),
    ...FREE.flatMap((code) => valid(code, "must")),
    ...[...UNUSED, ...NEVER_SENT].map((code) => invalid(code, "must")),
    ...[...UNREGISTERED, ...BEYOND].map((code) => invalid(code, "strict")),
  ];
}

export const closingCases: readonly ConformanceCase[] = closeCases();
