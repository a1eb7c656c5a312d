import { encodeClientFrame, Opcode } from "@upwire/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FrameSink } from "../../src/wire/frame-reader.ts";
import { MessageReader } from "../../src/wire/message-reader.ts";
import { WorkBudget } from "../../src/wire/work-budget.ts";
import { runs } from "../helpers/property.ts";
import { cutAt, deflated, fast, framesOf, readStreams, STREAM_LIMITS, takers, type SentMessage } from "../helpers/streaming-reader.ts";

const control = fc.record({ opcode: fc.constantFrom(Opcode.ping, Opcode.pong), payload: fc.uint8Array({ maxLength: 125 }).map((list) => Buffer.from(list)) });
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.constantFrom("ö", "𝄞", "ab𝄞").chain((letter) => fc.integer({ min: 1, max: 30_000 }).map((times) => letter.repeat(times))),
);
const message: fc.Arbitrary<SentMessage> = fc.record({
  payload: fc.oneof(
    text.map((letters) => Buffer.from(letters)),
    fc.integer({ min: 0, max: 200_000 }).map((length) => Buffer.alloc(length, "x")),
  ),
  opcode: fc.constantFrom(Opcode.text, Opcode.binary),
  isCompressed: fc.boolean(),
  splits: fc.array(fc.nat(), { maxLength: 6 }),
  between: fc.array(control, { maxLength: 5 }),
});
const cuts = fc.array(fc.nat(), { maxLength: 12 });
const taker = fc.constantFrom(...Object.keys(takers));

/** What the same bytes are as whole messages. */
function readWhole(chunks: readonly Buffer[]): { readonly messages: string[]; readonly fault: string | undefined } {
  const messages: string[] = [];
  let fault: string | undefined;
  const sink: FrameSink = {
    onMessage: ({ isBinary, bytes }) => void messages.push(`${isBinary ? "binary" : "text"} ${bytes.toString("hex")}`),
    onPing: () => {},
    onPong: () => {},
    onClose: (code) => void (fault = `close ${code}`),
    onFault: ({ code }) => void (fault = `fault ${code}`),
    onReady: () => {},
  };
  const reader = new MessageReader(sink, { limits: STREAM_LIMITS, inflates: true, now: () => 1 });
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  return { messages, fault };
}

const isPrefixed = (line: string, whole: string): boolean => whole.slice(whole.indexOf(" ") + 1).startsWith(line.slice(line.indexOf(" ") + 1));

describe("messages as streams", () => {
  it("are what was sent, in order, wherever TCP cuts and however they are taken (property)", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { maxLength: 4 }),
        cuts,
        fc.array(taker, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (sent, at, how, isBudgeted) => {
          const bytes = Buffer.concat(sent.map(framesOf));
          const { messages, fault } = readWhole([bytes]);
          const named = (index: number): string => how[index % how.length] ?? "fast";
          const log = await readStreams(cutAt(bytes, at), (index) => takers[named(index)] ?? fast, true, isBudgeted ? new WorkBudget() : undefined);
          if (fault !== undefined) {
            // A text that is none: found in the same message, unless that was given up.
            if (log.fault !== undefined) expect(log.fault).toBe(fault);
            return;
          }
          expect(log.fault).toBe(undefined);
          expect(log.messages).toHaveLength(messages.length);
          for (const [index, line] of log.messages.entries()) {
            if (line.startsWith("cancelled")) expect(isPrefixed(line, messages[index] ?? "")).toBe(true);
            else expect(line).toBe(messages[index]);
          }
          expect(log.controls).toHaveLength(
            sent.reduce(
              (sum, { splits, payload, isCompressed, between }) =>
                sum + Math.min(between.length, cutAt(isCompressed ? deflated(payload) : payload, splits).length - 1),
              0,
            ) + sent.filter(({ payload, isCompressed }) => (isCompressed ? deflated(payload) : payload).byteLength === 0).length,
          );
        },
      ),
      runs(400),
    );
  });

  const anyFrame = fc.record({
    opcode: fc.constantFrom(0, 1, 2, 8, 9, 10, 3),
    payload: fc.oneof(
      text.map((letters) => Buffer.from(letters)),
      fc.uint8Array({ maxLength: 40 }).map((list) => Buffer.from(list)),
    ),
    fin: fc.boolean(),
    rsv: fc.constantFrom(0, 0, 0, 4),
  });

  it("break where whole messages break, and never go on after that (property)", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 6 }), cuts, async (frames, at) => {
        const bytes = Buffer.concat(frames.map((sent) => encodeClientFrame(sent)));
        const whole = readWhole([bytes]);
        const log = await readStreams(cutAt(bytes, at), () => fast, true);
        const complete = log.messages.filter((line) => !line.startsWith("failed"));
        expect(complete).toEqual(whole.messages.slice(0, complete.length));
        if (whole.fault === undefined) expect([log.fault, complete.length]).toEqual([undefined, whole.messages.length]);
        else expect(log.fault).toBeDefined();
      }),
      runs(1000),
    );
  });

  it("inflate to the same as whole messages, or fail as they do, whatever the deflate stream is (property)", { timeout: 60_000 }, async () => {
    const stream = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((list) => Buffer.from(list)),
      // Cut short, ended in the middle, and with something behind the end.
      fc.tuple(text, fc.nat(), fc.uint8Array({ maxLength: 5 })).map(([letters, cut, more]) => {
        const whole = deflated(Buffer.from(letters));
        return Buffer.concat([whole.subarray(0, cut % (whole.byteLength + 1)), more]);
      }),
      fc.tuple(text, fc.uint8Array({ maxLength: 40 })).map(([letters, more]) => {
        const ended = deflated(Buffer.from(letters));
        ended[0] = (ended[0] ?? 0) | 1;
        return Buffer.concat([ended, more]);
      }),
    );
    await fc.assert(
      fc.asyncProperty(stream, cuts, async (payload, at) => {
        const bytes = encodeClientFrame({ opcode: 2, rsv: 4, payload });
        const whole = readWhole([bytes]);
        const log = await readStreams(cutAt(bytes, at), () => fast);
        expect([log.fault, log.messages.filter((line) => !line.startsWith("failed"))]).toEqual([whole.fault, whole.messages]);
      }),
      runs(1000),
    );
  });
});
