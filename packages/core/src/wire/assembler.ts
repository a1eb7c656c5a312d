import type { ClosureCode } from "../base/errors.ts";

/**
 * What becomes of the data frames of one connection: whole messages, or streams. The reader has checked their headers, and
 * calls these in the order of the frames. Where a code is returned the connection is at fault, and nothing more is called.
 */
export interface Assembler {
  /** A message begins. @param first The first byte of its first frame. */
  begin(first: number): void;
  /** Another frame of it begins. */
  nextFragment(): ClosureCode | undefined;
  /** The frame says how long it is. Called before any memory is taken for it. */
  declare(bytes: number): ClosureCode | undefined;
  /**
   * The next bytes lie masked in `chunk` from `start` to `end`, which is not empty. `chunk` may be changed.
   * @param phase Position of the first byte in its frame. @param left How many bytes of the frame had not come before.
   */
  append(chunk: Buffer, start: number, end: number, mask: number, phase: number, left: number): void;
  /** Whether what came can still become a message: called when that is not complete. */
  check(): ClosureCode | undefined;
  /** The message is complete. */
  end(): ClosureCode | undefined;
  /** Frees what it holds. Nothing more comes. */
  release(): void;
}
