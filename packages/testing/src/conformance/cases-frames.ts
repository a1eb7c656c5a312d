import { Opcode, type FrameInit } from "../client-frame.ts";
import type { Level } from "../verdict.ts";
import type { ConformanceCase } from "./case.ts";
import { binary, bytes, close, echoBinary, echoText, letters, more, octets, open, ping, pong, text, wire } from "./write.ts";

const SIZES = [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 1024 * 1024] as const;
const KINDS = [
  { kind: "text", frame: text, echo: echoText, fill: letters },
  { kind: "binary", frame: binary, echo: echoBinary, fill: octets },
] as const;

/** RFC 6455 §5.2: the three forms of a length, at their borders. */
function lengths(): ConformanceCase[] {
  return SIZES.flatMap((size) =>
    KINDS.flatMap(({ kind, frame, echo, fill }) => {
      const payload = fill(size);
      const cuts = [
        { cut: "whole", title: "in one write", chunking: {} },
        // Every byte up to 128; of longer ones the header and the end.
        { cut: "bytewise", title: "one byte at a time", chunking: { chunkBytes: 1, cutBytes: 160 } },
        { cut: "997", title: "997 bytes at a time", chunking: { chunkBytes: 997 } },
      ];
      return cuts
        .filter(({ cut }) => cut !== "997" || size > 997)
        .map(({ cut, title, chunking }): ConformanceCase => ({
          id: `6455-5.2-length-${kind}-${size}-${cut}`,
          group: "lengths",
          title: `a ${kind} message of ${size} bytes, ${title}`,
          level: "must",
          send: [{ frames: [frame(payload)], ...chunking }],
          expect: { messages: [echo(payload)] },
        }));
    }),
  );
}

/** A frame with its length in 2 or 8 bytes, whatever its size, and a mask of zeros. */
function wideLength(opcode: number, payload: Uint8Array, lengthBytes: 2 | 8): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt16BE(payload.byteLength, lengthBytes - 2);
  return Buffer.concat([Buffer.of(0x80 | opcode, lengthBytes === 2 ? 0xfe : 0xff), length, Buffer.alloc(4), payload]);
}

/** RFC 6455 §5.2: "the minimal number of bytes MUST be used". The RFC does not tell the receiver to look. */
function minimalLengths(): ConformanceCase[] {
  const forms = [
    [0, 2],
    [1, 2],
    [125, 2],
    [0, 8],
    [125, 8],
    [126, 8],
    [65_535, 8],
  ] as const;
  const wide = [Opcode.text, Opcode.binary].flatMap((opcode) =>
    forms.map(([size, lengthBytes]): ConformanceCase => ({
      id: `6455-5.2-wide-${opcode}-${size}-in-${lengthBytes}`,
      group: "minimal lengths",
      title: `a length of ${size} written in ${lengthBytes} bytes, opcode ${opcode}`,
      level: "strict",
      send: [{ raw: wideLength(opcode, letters(size), lengthBytes) }],
      expect: { close: [1002], withinMs: 1500 },
    })),
  );
  const control = [Opcode.ping, Opcode.close].flatMap((opcode) =>
    ([2, 8] as const).map((lengthBytes): ConformanceCase => ({
      id: `6455-5.5-wide-${opcode}-in-${lengthBytes}`,
      group: "minimal lengths",
      title: `a control frame with its length in ${lengthBytes} bytes, opcode ${opcode}`,
      level: "strict",
      send: [{ raw: wideLength(opcode, Buffer.of(3, 232), lengthBytes) }],
      expect: { close: [1002], withinMs: 1500 },
    })),
  );
  const tooLong = ["80 00 00 00 00 00 00 01", "80 00 00 00 00 00 00 00", "ff ff ff ff ff ff ff ff", "c0 00 00 00 00 00 00 00"];
  const topBit = tooLong.map((length): ConformanceCase => ({
    id: `6455-5.2-top-bit-${length.replaceAll(" ", "")}`,
    group: "minimal lengths",
    title: `a length with its most significant bit set: ${length}`,
    level: "must",
    send: [{ raw: bytes(`82 ff ${length} 00 00 00 00`) }],
    expect: { close: [1002, 1009], withinMs: 2000 },
  }));
  const huge = ["7f ff ff ff ff ff ff ff", "00 20 00 00 00 00 00 00", "00 00 00 10 00 00 00 00"].map((length): ConformanceCase => ({
    id: `6455-10.4-huge-${length.replaceAll(" ", "")}`,
    group: "minimal lengths",
    title: `a frame that says it is far too long is refused by its header: ${length}`,
    level: "must",
    send: [{ raw: bytes(`82 ff ${length} 00 00 00 00`) }],
    expect: { close: [1009, 1002], withinMs: 2000 },
  }));
  return [...wide, ...control, ...topBit, ...huge];
}

/** RFC 6455 §5.2: RSV1 to RSV3 without an extension that gives them a meaning. */
function reservedBits(): ConformanceCase[] {
  const opcodes = [
    ["text", Opcode.text],
    ["binary", Opcode.binary],
    ["close", Opcode.close],
    ["ping", Opcode.ping],
    ["pong", Opcode.pong],
  ] as const;
  const single = opcodes.flatMap(([name, opcode]) =>
    [1, 2, 3, 4, 5, 6, 7].map((rsv): ConformanceCase => ({
      id: `6455-5.2-rsv-${name}-${rsv}`,
      group: "reserved bits",
      title: `reserved bits ${rsv.toString(2).padStart(3, "0")} on a ${name} frame`,
      level: "must",
      uncompressedOnly: true,
      send: [{ frames: [{ opcode, rsv, payload: opcode === Opcode.close ? Buffer.of(3, 232) : "x" }] }],
      expect: { close: [1002] },
    })),
  );
  const later = [1, 2, 4].map((rsv): ConformanceCase => ({
    id: `6455-5.2-rsv-continuation-${rsv}`,
    group: "reserved bits",
    title: `reserved bits ${rsv.toString(2).padStart(3, "0")} on a continuation`,
    level: "must",
    uncompressedOnly: true,
    send: [{ frames: [text("a", open), more("b", { rsv })] }],
    expect: { close: [1002] },
  }));
  const afterGood: ConformanceCase = {
    id: "6455-5.2-rsv-after-good",
    group: "reserved bits",
    title: "a good message, then one with a reserved bit",
    level: "must",
    uncompressedOnly: true,
    send: [{ frames: [text("good"), text("bad", { rsv: 4 })] }],
    expect: { messages: [echoText("good")], close: [1002] },
  };
  return [...single, ...later, afterGood];
}

/** RFC 6455 §5.2: opcodes 3 to 7 and 11 to 15 are reserved. */
function reservedOpcodes(): ConformanceCase[] {
  const opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
  const forms: readonly (readonly [name: string, title: string, frames: (opcode: number) => readonly FrameInit[]])[] = [
    ["empty", "without a payload", (opcode) => [{ opcode }]],
    ["payload", "with a payload", (opcode) => [{ opcode, payload: "x" }]],
    ["in-message", "inside a fragmented message", (opcode) => [text("a", open), { opcode }]],
  ];
  return opcodes.flatMap((opcode) =>
    forms.map(([name, title, frames]): ConformanceCase => ({
      id: `6455-5.2-opcode-${opcode}-${name}`,
      group: "opcodes",
      title: `the reserved opcode ${opcode} ${title}`,
      level: "must",
      send: [{ frames: frames(opcode) }],
      expect: { close: [1002] },
    })),
  );
}

/** RFC 6455 §5.1: "a server MUST close the connection upon receiving a frame that is not masked". */
function masking(): ConformanceCase[] {
  const bare = { mask: false };
  const cases: readonly (readonly [name: string, title: string, frames: readonly FrameInit[]])[] = [
    ["text", "an unmasked text frame", [text("bare", bare)]],
    ["text-empty", "an unmasked empty text frame", [text("", bare)]],
    ["binary", "an unmasked binary frame", [binary("bare", bare)]],
    ["text-126", "an unmasked frame of 126 bytes", [text(letters(126), bare)]],
    ["text-65536", "an unmasked frame of 65536 bytes", [text(letters(65_536), bare)]],
    ["ping", "an unmasked ping", [ping("p", bare)]],
    ["pong", "an unmasked pong", [pong("p", bare)]],
    ["close", "an unmasked close frame", [{ ...close(1000), mask: false }]],
    ["continuation", "an unmasked continuation of a masked frame", [text("a", open), more("b", bare)]],
  ];
  const zeroKey = Buffer.concat([bytes("81 85 00 00 00 00"), Buffer.from("Hello")]);
  return [
    ...cases.map(([name, title, frames]): ConformanceCase => ({
      id: `6455-5.1-unmasked-${name}`,
      group: "masking",
      title,
      level: "must",
      send: [{ frames }],
      expect: { close: [1002] },
    })),
    keyCase("zero", "a mask of zeros", zeroKey),
    keyCase("example", "the masked frame of §5.7", bytes("81 85 37 fa 21 3d 7f 9f 4d 51 58")),
    keyCase("ones", "a mask of ones", Buffer.concat([bytes("81 85 ff ff ff ff"), Buffer.from("Hello").map((byte) => byte ^ 0xff)])),
    keyCase("changing", "two frames with different masks", Buffer.concat([wire(text("Hel", open)), wire(more("lo"))])),
  ];
}

function keyCase(name: string, title: string, raw: Buffer, level: Level = "must"): ConformanceCase {
  return { id: `6455-5.3-mask-${name}`, group: "masking", title, level, send: [{ raw }], expect: { messages: [echoText("Hello")] } };
}

export const frameCases: readonly ConformanceCase[] = [...lengths(), ...minimalLengths(), ...reservedBits(), ...reservedOpcodes(), ...masking()];
