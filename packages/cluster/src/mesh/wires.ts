import type { Socket } from "node:net";
import type { BatchReader } from "./batch-reader.ts";
import type { FrameSplitter } from "./frame-splitter.ts";

/** What a link tells its owner. */
export interface LinkEvents {
  /** Messages of the peer. May throw a `MalformedFrame`. */
  batch(reader: BatchReader): void;
  /** What was on its way to the peer is gone: write all that it must know. `received`: the last batch that it had. */
  refill(received: number): void;
  /** What was on its way from the peer is gone: it tells anew what must be known. */
  restarted(): void;
  /** The connection has ended. */
  detached(): void;
  /** More than may wait is waiting: it has been dropped. */
  overfull(): void;
  /** Something waits for `flush`. */
  due(): void;
  /** The peer does not follow the format. */
  foreign(error: Error): void;
}

/** What has become of what was written. */
export interface Confirmation {
  /** The peer has it. */
  readonly isReached: boolean;
}

/**
 * The two connections of a link. Only one end writes to each: if the peer's process ends, writing fails at once, which ends the
 * connection with all that has come and was not read; thus what comes has a connection to which nothing is written.
 */
export interface Wires {
  readonly input: Socket;
  /** Has taken the handshake off `input`. */
  readonly splitter: FrameSplitter;
  readonly output: Socket;
}

export function endWires({ input, splitter, output }: Wires): void {
  splitter.stop();
  input.destroy();
  output.destroy();
}
