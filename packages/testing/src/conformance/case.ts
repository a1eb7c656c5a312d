import type { FrameInit } from "../client-frame.ts";
import type { TableRow } from "../play-table.ts";

/** How a step's bytes are cut into writes. All in one write unless set. */
export interface Chunking {
  /** Bytes of each write. */
  readonly chunkBytes?: number;
  /** Only so many bytes at the start and at the end are cut like that; the rest goes in one write. @default all */
  readonly cutBytes?: number;
}

export interface FramesStep extends Chunking {
  readonly frames: readonly FrameInit[];
}

/** Bytes as they are: what no `FrameInit` can say. */
export interface RawStep extends Chunking {
  readonly raw: Uint8Array;
}

/** A message by permessage-deflate, with the parameters that the server answered. */
export interface DeflateStep extends Chunking {
  readonly deflate: Uint8Array;
  readonly opcode: number;
  /** Cuts the compressed payload into frames of so many bytes. @default one frame */
  readonly fragmentBytes?: number;
}

export type Step = FramesStep | RawStep | DeflateStep;

export interface Echo {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

export interface Expectation {
  /** What the echo server sends back, in this order. Nothing else may come. @default [] */
  readonly messages?: readonly Echo[];
  /** Payloads of pongs. RFC 6455 §5.5.3 lets a server answer the newest ping only: the last one must come. @default [] */
  readonly pongs?: readonly Uint8Array[];
  /**
   * The server ends the connection with one of these codes; 1005 stands for a close frame without a code.
   * Left out, the connection must stay good, and the runner closes it with 1000.
   */
  readonly close?: readonly number[];
  /** Time for the close frame, when it may not wait for more bytes. */
  readonly withinMs?: number;
  /** What the server says to `offers`; whatever it accepts must fit one valid offer. @default "either" */
  readonly deflate?: "accepted" | "declined" | "either";
  /** The offer breaks the header's grammar, so the handshake may be refused too. @default false */
  readonly mayRefuse?: boolean;
}

/** One conversation with a server that echoes text as text and binary as binary. */
export interface ConformanceCase extends TableRow {
  /** Only for servers that agree to permessage-deflate when asked. */
  readonly needs?: "deflate";
  /** Lines of `Sec-WebSocket-Extensions`. */
  readonly offers?: readonly string[];
  /** Means something else once permessage-deflate is agreed on. */
  readonly uncompressedOnly?: boolean;
  /** Sent in the packet of the handshake. */
  readonly early?: Uint8Array;
  readonly send: readonly Step[];
  readonly expect: Expectation;
}
