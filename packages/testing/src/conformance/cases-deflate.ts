import { constants, deflateRawSync } from "node:zlib";
import { Opcode, type FrameInit } from "../client-frame.ts";
import type { ConformanceCase, Expectation, Step } from "./case.ts";
import { binary, bytes, close, echoBinary, echoText, letters, more, noise, octets, open, ping, pong, printable, text } from "./write.ts";

const PMD = "permessage-deflate";
const TAIL_BYTES = 4;

type Row = readonly [name: string, title: string, send: readonly Step[], expect: Expectation];

const deflated = (data: Uint8Array | string, level = 6, strategy: number = constants.Z_DEFAULT_STRATEGY): Buffer =>
  deflateRawSync(data, { level, strategy, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -TAIL_BYTES);

/** RSV1: "compressed". */
const packed = { rsv: 4 };
const frames = (...all: readonly FrameInit[]): Step[] => [{ frames: all }];
const squeeze = (payload: Uint8Array, opcode: number = Opcode.text, fragmentBytes?: number): Step => ({
  deflate: payload,
  opcode,
  ...(fragmentBytes === undefined ? {} : { fragmentBytes }),
});
const hello: Expectation = { messages: [echoText("Hello")] };
const fixedHello = bytes("f2 48 cd c9 c9 07 00");

/** RFC 7692 §7.2: everything that zlib and others may send. The hex is from §7.2.3. */
const goodRows: readonly Row[] = [
  ["fixed", "one fixed block (§7.2.3.1)", frames(text(fixedHello, packed)), hello],
  ["fixed-fragments", "the same in two fragments", frames(text(fixedHello.subarray(0, 3), { ...packed, fin: false }), more(fixedHello.subarray(3))), hello],
  [
    "fixed-each",
    "the same, each byte a fragment",
    frames(...[...fixedHello].map((byte, at) => (at === 0 ? text(Buffer.of(byte), { ...packed, fin: false }) : more(Buffer.of(byte), { fin: at === 6 })))),
    hello,
  ],
  ["stored", "a stored block (§7.2.3.3)", frames(text(bytes("00 05 00 fa ff 48 65 6c 6c 6f 00"), packed)), hello],
  ["final", "a block with BFINAL (§7.2.3.4)", frames(text(bytes("f3 48 cd c9 c9 07 00 00"), packed)), hello],
  ["two-blocks", "two blocks (§7.2.3.5)", frames(text(bytes("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"), packed)), hello],
  [
    "final-then-more",
    "a message with BFINAL, then one without",
    frames(text(bytes("f3 48 cd c9 c9 07 00 00"), packed), text(fixedHello, packed)),
    { messages: [echoText("Hello"), echoText("Hello")] },
  ],
  ["empty", "an empty message (§7.2.3.6)", frames(text(bytes("00"), packed)), { messages: [echoText("")] }],
  ["empty-fixed", "an empty message as an empty fixed block", frames(text(bytes("02 00"), packed)), { messages: [echoText("")] }],
  ["empty-binary", "an empty binary message", frames(binary(bytes("00"), packed)), { messages: [echoBinary("")] }],
  ["empty-first", "an empty first fragment", frames(text("", { ...packed, fin: false }), more(fixedHello)), hello],
  ["empty-last", "an empty last fragment", frames(text(fixedHello, { ...packed, fin: false }), more("")), hello],
  ["dynamic", "a dynamic block", frames(binary(deflated(octets(5000), 9), packed)), { messages: [echoBinary(octets(5000))] }],
  [
    "fixed-strategy",
    "fixed blocks of 5000 bytes",
    frames(binary(deflated(octets(5000), 6, constants.Z_FIXED), packed)),
    { messages: [echoBinary(octets(5000))] },
  ],
  [
    "huffman-only",
    "a message without matches",
    frames(text(deflated(letters(3000), 6, constants.Z_HUFFMAN_ONLY), packed)),
    { messages: [echoText(letters(3000))] },
  ],
  ["level-0", "100 KiB in stored blocks", frames(binary(deflated(octets(102_400), 0), packed)), { messages: [echoBinary(octets(102_400))] }],
  ["incompressible", "64 KiB that do not compress", frames(binary(deflated(noise(65_536)), packed)), { messages: [echoBinary(noise(65_536))] }],
  ["large", "1 MiB of letters", frames(text(deflated(letters(1_048_576)), packed)), { messages: [echoText(letters(1_048_576))] }],
  [
    "large-fragments",
    "256 KiB of noise, compressed, in fragments of 997 bytes",
    [squeeze(noise(262_144), Opcode.binary, 997)],
    { messages: [echoBinary(noise(262_144))] },
  ],
  ["bytewise", "a compressed message, one byte at a time", [{ frames: [text(fixedHello, packed)], chunkBytes: 1 }], hello],
  ["uncompressed-text", "an uncompressed text message", frames(text("plain")), { messages: [echoText("plain")] }],
  ["uncompressed-binary", "an uncompressed binary message of 64 KiB", frames(binary(octets(65_536))), { messages: [echoBinary(octets(65_536))] }],
  ["uncompressed-fragments", "an uncompressed message in fragments", frames(text("pl", open), more("ain")), { messages: [echoText("plain")] }],
  [
    "mixed",
    "compressed and uncompressed by turns",
    [squeeze(letters(500)), ...frames(text("plain")), squeeze(letters(500)), ...frames(binary("plain"))],
    { messages: [echoText(letters(500)), echoText("plain"), echoText(letters(500)), echoBinary("plain")] },
  ],
  [
    "ping-amid",
    "a ping inside a compressed message",
    frames(text(fixedHello.subarray(0, 3), { ...packed, fin: false }), ping("p"), more(fixedHello.subarray(3))),
    { pongs: [Buffer.from("p")], ...hello },
  ],
  ["close-after", "a close frame after a compressed message", frames(text(fixedHello, packed), close(1000)), { ...hello, close: [1000, 1005] }],
  [
    "utf8-split",
    "a character cut by the inflater's output and by fragments",
    [squeeze(Buffer.from("€".repeat(20_000)), Opcode.text, 7)],
    { messages: [echoText("€".repeat(20_000))] },
  ],
];

const refused: Expectation = { close: [1002] };
const invalidData: Expectation = { close: [1007, 1002] };

const faultRows: readonly Row[] = [
  [
    "rsv1-continuation",
    "RSV1 on a continuation",
    frames(text(fixedHello.subarray(0, 3), { ...packed, fin: false }), more(fixedHello.subarray(3), packed)),
    refused,
  ],
  ["rsv1-continuation-plain", "RSV1 on the continuation of an uncompressed message", frames(text("a", open), more("b", packed)), refused],
  ["rsv1-continuation-first", "RSV1 on a continuation of nothing", frames(more(fixedHello, packed)), refused],
  ["rsv1-ping", "RSV1 on a ping", frames(ping("p", packed)), refused],
  ["rsv1-pong", "RSV1 on a pong", frames(pong("p", packed)), refused],
  ["rsv1-close", "RSV1 on a close frame", frames({ ...close(1000), ...packed }), refused],
  [
    "rsv1-ping-amid",
    "RSV1 on a ping inside a compressed message",
    frames(text(fixedHello.subarray(0, 3), { ...packed, fin: false }), ping("p", packed)),
    refused,
  ],
  ...[1, 2, 3, 5, 6, 7].map((rsv): Row => [
    `rsv-${rsv}`,
    `reserved bits ${rsv.toString(2).padStart(3, "0")} on a text frame`,
    frames(text(fixedHello, { rsv })),
    refused,
  ]),
  ["rsv1-opcode-3", "RSV1 on a reserved opcode", frames({ opcode: 3, ...packed }), refused],
  ["unmasked", "an unmasked compressed frame", frames(text(fixedHello, { ...packed, mask: false })), refused],
  ["text-in-text", "a compressed message inside a compressed message", frames(text(fixedHello, { ...packed, fin: false }), text(fixedHello, packed)), refused],
  ["utf8", "compressed text that is not UTF-8", [squeeze(bytes("ce ba ed a0 80"))], { close: [1007] }],
  ["utf8-fragments", "the same in fragments", [squeeze(bytes("ce ba ed a0 80"), Opcode.text, 1)], { close: [1007] }],
  ["utf8-cut", "compressed text that ends inside a character", [squeeze(bytes("61 e2 82"))], { close: [1007] }],
  ["utf8-late", "bad UTF-8 at the end of 64 KiB of letters", [squeeze(Buffer.concat([letters(65_536), bytes("ff")]))], { close: [1007] }],
  ["utf8-uncompressed", "uncompressed text that is not UTF-8", frames(text(bytes("ff"))), { close: [1007] }],
  ["corrupt-noise", "noise in place of deflate", frames(text(Buffer.alloc(20, 0xff), packed)), invalidData],
  ["corrupt-text", "text in place of deflate", frames(text("this was never compressed", packed)), invalidData],
  ["corrupt-block-type", "the reserved block type 3", frames(text(bytes("06 00"), packed)), invalidData],
  ["corrupt-stored", "a stored block with a wrong complement", frames(text(bytes("00 05 00 00 00 48 65 6c 6c 6f 00"), packed)), invalidData],
  ["corrupt-distance", "a match before the start of the window", frames(binary(bytes("02 02 00 00"), packed)), invalidData],
  [
    "corrupt-fragment",
    "corrupt data in the second fragment",
    frames(text(fixedHello.subarray(0, 2), { ...packed, fin: false }), more(Buffer.alloc(20, 0xff))),
    invalidData,
  ],
  [
    "corrupt-after-good",
    "corrupt data after a good message",
    frames(text(fixedHello, packed), text(Buffer.alloc(20, 0xff), packed)),
    { ...hello, ...invalidData },
  ],
];

/** 1 MiB of zeros, flushed so that it can be repeated: about 1 KiB for each. */
const zeros = deflateRawSync(Buffer.alloc(1_048_576), { finishFlush: constants.Z_FULL_FLUSH });
const bomb = (mebibytes: number): Buffer => Buffer.concat(Array.from({ length: mebibytes }, () => zeros)).subarray(0, -TAIL_BYTES);
const tooBig: Expectation = { close: [1009] };

/** RFC 6455 §10.4: what a server with a limit does. 256 MiB is more than any server here takes by default. */
const bombRows: readonly Row[] = [
  ["whole", "256 MiB of zeros in one frame", frames(binary(bomb(256), packed)), tooBig],
  ["text", "256 MiB of zeros as text", frames(text(bomb(256), packed)), tooBig],
  ["fragments", "256 MiB in fragments of 4 KiB", frames(...cut(bomb(256), 4096)), tooBig],
];

function cut(payload: Buffer, size: number): FrameInit[] {
  const count = Math.ceil(payload.byteLength / size);
  return Array.from({ length: count }, (_, at) => {
    const part = payload.subarray(at * size, (at + 1) * size);
    return at === 0 ? binary(part, { ...packed, fin: false }) : more(part, { fin: at === count - 1 });
  });
}

const soon = { withinMs: 1500 };

/** What a server that inflates as the bytes come can refuse before the message is complete. */
const fastRows: readonly Row[] = [
  ["bomb", "256 MiB in a first fragment", frames(binary(bomb(256), { ...packed, fin: false })), { ...tooBig, ...soon }],
  ["corrupt", "the reserved block type 3 in a first fragment", frames(text(bytes("06 00"), { ...packed, fin: false })), { ...invalidData, ...soon }],
  ["utf8", "bad UTF-8 in a first fragment", frames(text(deflated(bytes("61 ff 62")), { ...packed, fin: false })), { close: [1007], ...soon }],
];

/** Words that only compress well with what came before: 20 messages, of which each repeats the last. */
const repeated = printable(noise(2000, 7));
const far = Buffer.concat([noise(1500, 3), noise(20_000, 4), noise(1500, 3), noise(1500, 3)]);

/** RFC 7692 §7.1: the parameters, each with messages that need them obeyed on both sides. */
function takeover(): ConformanceCase[] {
  const parameters = [
    ["plain", ""],
    ["client-fresh", "; client_no_context_takeover"],
    ["server-fresh", "; server_no_context_takeover"],
    ["both-fresh", "; client_no_context_takeover; server_no_context_takeover"],
    ["client-bits", "; client_max_window_bits"],
    ["client-bits-9", "; client_max_window_bits=9"],
    ...[9, 10, 11, 12, 13, 14, 15].map((bits) => [`server-bits-${bits}`, `; server_max_window_bits=${bits}`] as const),
  ] as const;
  return parameters.flatMap(([name, value]) => {
    const base = { group: "compression", level: "must", needs: "deflate", offers: [`${PMD}${value}`, PMD] } as const;
    return [
      {
        ...base,
        id: `7692-7.1-${name}-repeated`,
        title: `the same 2000 bytes five times, ${value || "no parameters"}`,
        send: Array.from({ length: 5 }, () => squeeze(repeated)),
        expect: { messages: Array.from({ length: 5 }, () => echoText(repeated)) },
      },
      {
        ...base,
        id: `7692-7.1-${name}-far`,
        title: `matches 20 KiB back, ${value || "no parameters"}`,
        send: [squeeze(far, Opcode.binary), squeeze(far, Opcode.binary, 1000)],
        expect: { messages: [echoBinary(far), echoBinary(far)] },
      },
    ];
  });
}

const rows = (prefix: string, group: string, all: readonly Row[]): ConformanceCase[] =>
  all.map(([name, title, send, expect]) => ({ id: `${prefix}-${name}`, group, title, level: "must", needs: "deflate", offers: [PMD], send, expect }));

export const deflateCases: readonly ConformanceCase[] = [
  ...rows("7692-7.2", "compression", goodRows),
  ...takeover(),
  ...rows("7692-6.1", "compression faults", faultRows),
  ...rows("6455-10.4-bomb", "compression faults", bombRows),
  ...rows("7692-6.2-fast", "compression: fail fast", fastRows).map((row) => ({ ...row, level: "strict" as const })),
];
