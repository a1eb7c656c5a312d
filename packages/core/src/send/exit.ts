/**
 * Where a send queue writes to. A socket of Node is one as it is. Another one MUST take whole frames in their order, MUST NOT
 * throw for anything the network does, and MUST see to it that its queue is told (`SendQueue.drained`) once it takes data again
 * after `writableNeedDrain`.
 */
export interface Exit {
  /** Bytes that it holds and has not passed on. */
  readonly writableLength: number;
  /** It is full when it holds so many bytes. */
  readonly writableHighWaterMark: number;
  /** It was full, and has not been emptied since. */
  readonly writableNeedDrain: boolean;
  readonly writableEnded: boolean;
  readonly destroyed: boolean;
  /** @param written Called once these bytes have been passed on, unless it tells the queue itself. @returns false when it is full now. */
  write(frames: Buffer, written?: (error?: Error | null) => void): boolean;
  /** From here to `uncork`, writes are gathered. */
  cork(): void;
  uncork(): void;
  /** Ends the stream behind everything that it holds. */
  end(): void;
}
