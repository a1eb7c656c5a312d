import type { MakeReader } from "./frame-reader.ts";
import { OwnReader } from "./own-reader.ts";

/** How the readers of an Upgrader are made. */
export interface Readers {
  /** For a handler that takes whole messages. */
  readonly whole: MakeReader;
  /** For one that takes streams. */
  readonly streaming: MakeReader;
}

/** Our own. */
export const ownReaders: Readers = {
  whole: (sink, limits, inflates, now, budget) => new OwnReader(sink, limits, inflates, now, budget),
  streaming: (sink, limits, inflates, now, budget) => new OwnReader(sink, limits, inflates, now, budget, { sink, maxBytes: limits.maxStreamBytes }),
};
