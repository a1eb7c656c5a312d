import type { Fault } from "../base/errors.ts";

/**
 * Makes messages of the data frames of one connection: whole ones, or streams. The reader has checked the headers, and calls these
 * methods in the order of the frames. After a method has returned a fault of the client, nothing more is called.
 */
export interface Assembler {
  /** A message begins. @param first The first byte of its first frame. */
  begin(first: number): void;
  /** Another frame of the message begins. */
  nextFragment(): Fault | undefined;
  /** The header says how long the payload is. Called before any memory is taken for it. */
  declare(bytes: number): Fault | undefined;
  /**
   * Takes the next bytes of the payload: masked, in `chunk` from `start` to `end`, at least one. It may change them there.
   * @param phase Position of the first byte in its frame. @param left Bytes of the frame that had not come before this call.
   */
  append(chunk: Buffer, start: number, end: number, mask: number, phase: number, left: number): void;
  /** Checks the part of the message that has come. Called after `append`, unless the message is complete. */
  check(): Fault | undefined;
  /** The message is complete. */
  end(): Fault | undefined;
  /** Frees its memory. Nothing is called after it. */
  release(): void;
}
