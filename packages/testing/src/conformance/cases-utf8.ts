import { Opcode } from "../client-frame.ts";
import type { ConformanceCase } from "./case.ts";
import { binary, bytes, echoBinary, echoText, fragments, hexName, open, text, wire } from "./write.ts";

/** RFC 3629 §4: the borders of every row of its table, and what looks wrong but is not. */
const valid: readonly (readonly [name: string, data: Uint8Array])[] = [
  ["greek", Buffer.from("κόσμε")],
  ["mixed", Buffer.from("a é € 😀 z")],
  ["nul", bytes("00")],
  ["u007f", bytes("7f")],
  ["u0080", bytes("c2 80")],
  ["u07ff", bytes("df bf")],
  ["u0800", bytes("e0 a0 80")],
  ["u0fff", bytes("e0 bf bf")],
  ["u1000", bytes("e1 80 80")],
  ["ucfff", bytes("ec bf bf")],
  ["ud7ff", bytes("ed 9f bf")],
  ["ue000", bytes("ee 80 80")],
  ["ufeff", bytes("ef bb bf")],
  ["ufffd", bytes("ef bf bd")],
  ["ufffe", bytes("ef bf be")],
  ["uffff", bytes("ef bf bf")],
  ["u10000", bytes("f0 90 80 80")],
  ["u1ffff", bytes("f0 9f bf bf")],
  ["u3ffff", bytes("f0 bf bf bf")],
  ["u40000", bytes("f1 80 80 80")],
  ["ufffff", bytes("f3 bf bf bf")],
  ["u100000", bytes("f4 80 80 80")],
  ["u10ffff", bytes("f4 8f bf bf")],
  ["bom-in-text", bytes("61 ef bb bf 62")],
  ["combining", bytes("65 cc 81 cc 81 cc 81")],
];

/** Wrong whatever follows: the last byte is the first that cannot be. */
const wrong: readonly (readonly [why: string, hex: string])[] = [
  ["a continuation byte alone", "80"],
  ["a continuation byte alone", "bf"],
  ["overlong, two bytes", "c0"],
  ["overlong, two bytes", "c0 80"],
  ["overlong, two bytes", "c1 bf"],
  ["overlong, three bytes", "e0 80"],
  ["overlong, three bytes", "e0 9f"],
  ["overlong, four bytes", "f0 80"],
  ["overlong, four bytes", "f0 8f"],
  ["a surrogate, U+D800", "ed a0"],
  ["a surrogate, U+DBFF", "ed af"],
  ["a surrogate, U+DC00", "ed b0"],
  ["a surrogate, U+DFFF", "ed bf"],
  ["above U+10FFFF", "f4 90"],
  ["above U+10FFFF", "f4 bf"],
  ["a lead byte of nothing", "f5"],
  ["a lead byte of nothing", "f7"],
  ["a lead byte of five", "f8"],
  ["a lead byte of six", "fc"],
  ["a byte that never occurs", "fe"],
  ["a byte that never occurs", "ff"],
  ["a letter in place of the 2nd of 2", "c2 41"],
  ["a letter in place of the 2nd of 3", "e1 41"],
  ["a letter in place of the 3rd of 3", "e1 80 41"],
  ["a letter in place of the 2nd of 4", "f1 41"],
  ["a letter in place of the 3rd of 4", "f1 80 41"],
  ["a letter in place of the 4th of 4", "f1 80 80 41"],
  ["a lead byte in place of the 2nd of 2", "c3 c3"],
  ["a lead byte in place of the 3rd of 3", "e2 82 e2"],
  ["a continuation byte too many", "c3 a9 a9"],
];

/** Whole sequences that a sloppy decoder takes, and ones that the end of the message cuts. */
const complete: readonly (readonly [why: string, hex: string])[] = [
  ["an overlong slash, two bytes", "c0 af"],
  ["an overlong slash, three bytes", "e0 80 af"],
  ["an overlong slash, four bytes", "f0 80 80 af"],
  ["an overlong U+FFFF", "f0 8f bf bf"],
  ["a surrogate pair", "ed a0 bd ed b8 80"],
  ["U+110000", "f4 90 80 80"],
  ["U+1FFFFF", "f7 bf bf bf"],
  ["five bytes", "f8 88 80 80 80"],
  ["six bytes", "fc 84 80 80 80 80"],
  ["UTF-16 with its mark", "ff fe 61 00"],
  ["Latin-1", "63 61 66 e9"],
  ["cut after 1 of 2", "c3"],
  ["cut after 1 of 3", "e2"],
  ["cut after 2 of 3", "e2 82"],
  ["cut after 1 of 4", "f0"],
  ["cut after 2 of 4", "f0 9f"],
  ["cut after 3 of 4", "f0 9f 98"],
  ["cut below U+10FFFF", "f4 8f bf"],
];

/** Letters around `data`; long enough that vectorised validators leave their first block. */
const within = (data: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(70, "x"), data, Buffer.alloc(70, "y")]);

function validCases(): ConformanceCase[] {
  const rows = valid.flatMap(([name, data]): ConformanceCase[] => {
    const base = { group: "utf-8: valid", level: "must", expect: { messages: [echoText(data)] } } as const;
    return [
      { ...base, id: `3629-4-good-${name}`, title: `${name} (${hexName(data)})`, send: [{ frames: [text(data)] }] },
      { ...base, id: `3629-4-good-${name}-fragments`, title: `${name}, each byte a fragment`, send: [{ frames: fragments(Opcode.text, data, 1) }] },
      { ...base, id: `3629-4-good-${name}-bytewise`, title: `${name}, each byte in its own write`, send: [{ frames: [text(data)], chunkBytes: 1 }] },
    ];
  });
  const euros = Buffer.from("€".repeat(30_000));
  return [
    ...rows,
    {
      id: "3629-4-good-long-997",
      group: "utf-8: valid",
      title: "90000 bytes of three-byte characters, 997 bytes at a time",
      level: "must",
      send: [{ frames: [text(euros)], chunkBytes: 997 }],
      expect: { messages: [echoText(euros)] },
    },
    {
      id: "3629-4-good-long-fragments",
      group: "utf-8: valid",
      title: "90000 bytes of three-byte characters in fragments of 1000",
      level: "must",
      send: [{ frames: fragments(Opcode.text, euros, 1000) }],
      expect: { messages: [echoText(euros)] },
    },
    {
      id: "6455-5.6-binary-not-utf8",
      group: "utf-8: valid",
      title: "a binary message need not be UTF-8",
      level: "must",
      send: [{ frames: [binary(bytes("c0 80 ff fe ed a0 80"))] }],
      expect: { messages: [echoBinary(bytes("c0 80 ff fe ed a0 80"))] },
    },
  ];
}

/** RFC 6455 §8.1: the connection fails on text that is not UTF-8. */
function invalidCases(): ConformanceCase[] {
  return [...wrong, ...complete].flatMap(([why, hex]): ConformanceCase[] => {
    const data = bytes(hex);
    const base = { group: "utf-8: invalid", level: "must", expect: { close: [1007] } } as const;
    const name = hexName(data);
    return [
      { ...base, id: `3629-4-bad-${name}`, title: `${why}: ${hex}`, send: [{ frames: [text(data)] }] },
      { ...base, id: `3629-4-bad-${name}-within`, title: `${why}, amid letters`, send: [{ frames: [text(within(data))] }] },
      { ...base, id: `3629-4-bad-${name}-fragments`, title: `${why}, each byte a fragment`, send: [{ frames: fragments(Opcode.text, within(data), 1) }] },
      { ...base, id: `3629-4-bad-${name}-bytewise`, title: `${why}, each byte in its own write`, send: [{ frames: [text(data)], chunkBytes: 1 }] },
    ];
  });
}

/** RFC 6455 §8.1 says "upon receiving": the end of the message need not be waited for. */
function failFastCases(): ConformanceCase[] {
  return wrong.flatMap(([why, hex]): ConformanceCase[] => {
    const data = bytes(hex);
    const base = { group: "utf-8: fail fast", level: "strict", expect: { close: [1007], withinMs: 1500 } } as const;
    const frame = wire(text(Buffer.concat([data, Buffer.alloc(5000, "x")])));
    // The header of 8 bytes, and the payload up to the byte that is wrong.
    const start = frame.subarray(0, 8 + data.byteLength);
    return [
      { ...base, id: `6455-8.1-fast-${hexName(data)}-fragment`, title: `${why}: ${hex}, in a first fragment`, send: [{ frames: [text(data, open)] }] },
      { ...base, id: `6455-8.1-fast-${hexName(data)}-frame`, title: `${why}: ${hex}, in a frame that is not complete`, send: [{ raw: start }] },
    ];
  });
}

export const utf8Cases: readonly ConformanceCase[] = [...validCases(), ...invalidCases(), ...failFastCases()];
