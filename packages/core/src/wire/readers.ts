import type { MakeReader } from "./frame-reader.ts";
import { MessageReader } from "./message-reader.ts";

/** How the readers of an Upgrader are made. */
export interface Readers {
  /** For a handler that takes whole messages. */
  readonly whole: MakeReader;
  /** For one that takes streams. */
  readonly streaming: MakeReader;
}

/** Our own. */
export const ownReaders: Readers = {
  whole: (sink, setup) => new MessageReader(sink, setup),
  streaming: (sink, setup) => new MessageReader(sink, setup, { sink, maxBytes: setup.limits.maxStreamBytes }),
};
