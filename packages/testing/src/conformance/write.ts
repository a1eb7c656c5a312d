import { closePayload, encodeClientFrame, Opcode, type FrameInit } from "../client-frame.ts";
import type { Echo } from "./case.ts";

/** Short words for the tables. */

type Payload = Uint8Array | string;
type Flags = Omit<FrameInit, "opcode" | "payload">;

export const text = (payload: Payload = "", flags: Flags = {}): FrameInit => ({ opcode: Opcode.text, payload, ...flags });
export const binary = (payload: Payload = "", flags: Flags = {}): FrameInit => ({ opcode: Opcode.binary, payload, ...flags });
export const ping = (payload: Payload = "", flags: Flags = {}): FrameInit => ({ opcode: Opcode.ping, payload, ...flags });
export const pong = (payload: Payload = "", flags: Flags = {}): FrameInit => ({ opcode: Opcode.pong, payload, ...flags });
export const more = (payload: Payload = "", flags: Flags = {}): FrameInit => ({ opcode: Opcode.continuation, payload, ...flags });
export const close = (code?: number, reason: Payload = ""): FrameInit => ({ opcode: Opcode.close, payload: closePayload(code, reason) });

/** "More fragments follow." */
export const open: Flags = { fin: false };

export const echoText = (payload: Payload): Echo => ({ opcode: Opcode.text, payload: Buffer.from(payload as string) });
export const echoBinary = (payload: Payload): Echo => ({ opcode: Opcode.binary, payload: Buffer.from(payload as string) });

export const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
export const wire = (...frames: readonly FrameInit[]): Buffer => Buffer.concat(frames.map(encodeClientFrame));

/** `payload` in the fragments of one message, `size` bytes each. */
export function fragments(opcode: number, payload: Uint8Array, size: number, rsv = 0): FrameInit[] {
  const frames: FrameInit[] = [];
  for (let at = 0; at === 0 || at < payload.byteLength; at += size) {
    const first = at === 0;
    frames.push({
      opcode: first ? opcode : Opcode.continuation,
      payload: payload.subarray(at, at + size),
      fin: at + size >= payload.byteLength,
      rsv: first ? rsv : 0,
    });
  }
  return frames;
}

/** The letters a to z again and again: every cut leaves valid UTF-8. */
export function letters(length: number): Buffer {
  return Buffer.alloc(length, "abcdefghijklmnopqrstuvwxyz");
}

/** Every byte value, without a period that matches a power of two. */
export function octets(length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, at) => (at * 7 + 5) & 0xff)));
}

/** Looks random, is the same in every run, and does not compress. */
export function noise(length: number, seed = 1): Buffer {
  const made = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    made[at] = state >> 16;
  }
  return made;
}

export function printable(data: Uint8Array): Buffer {
  return Buffer.from(data.map((byte) => 33 + (byte % 90)));
}

export const hexName = (data: Uint8Array): string => Buffer.from(data).toString("hex") || "empty";
