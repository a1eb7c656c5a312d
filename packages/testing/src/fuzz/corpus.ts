import { constants, deflateRawSync } from "node:zlib";
import { encodeClientFrame } from "../client-frame.ts";
import type { ConformanceCase, Step } from "../conformance/case.ts";
import { conformanceCases } from "../conformance/table.ts";
import { fragments } from "../conformance/write.ts";

/** What a client says on an open connection, one buffer for each frame; bytes that are no frames count as one. */
export type Talk = readonly Buffer[];

/** More makes the fuzzer slow, and finds nothing that less does not. */
const MAX_TALK_BYTES = 3000;
const MAX_ECHO_BYTES = 16 * 1024;
/** RFC 7692 §7.2.1: what a sync flush ends in, and what does not go on the wire. */
const TAIL_BYTES = 4;

/** The conversations of the conformance table that are short, in the same bytes in every run. */
export function talksOf(cases: readonly ConformanceCase[] = conformanceCases): readonly Talk[] {
  return cases.filter(echoesLittle).flatMap((testCase) => {
    // The long ones are not even encoded.
    if (testCase.send.some((step) => sizeOf(step) > MAX_TALK_BYTES)) return [];
    const talk = testCase.send.flatMap(framesOf);
    const size = talk.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return size > 0 && size <= MAX_TALK_BYTES ? [talk] : [];
  });
}

function echoesLittle({ expect }: ConformanceCase): boolean {
  return (expect.messages ?? []).reduce((sum, { payload }) => sum + payload.byteLength, 0) <= MAX_ECHO_BYTES;
}

function sizeOf(step: Step): number {
  if ("raw" in step) return step.raw.byteLength;
  if ("deflate" in step) return step.deflate.byteLength;
  return step.frames.reduce((sum, { payload = "" }) => sum + payload.length, 0);
}

function framesOf(step: Step): Buffer[] {
  if ("raw" in step) return [Buffer.from(step.raw)];
  const frames = "frames" in step ? step.frames : fragments(step.opcode, deflated(step.deflate), step.fragmentBytes ?? MAX_TALK_BYTES, 4);
  return frames.map((frame, at) => encodeClientFrame({ ...frame, mask: frame.mask ?? keyFor(at) }));
}

function deflated(payload: Uint8Array): Buffer {
  return deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -TAIL_BYTES);
}

function keyFor(at: number): Buffer {
  return Buffer.of(0x37, 0xfa, at & 0xff, 0x3d);
}
