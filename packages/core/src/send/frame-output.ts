/**
 * Where the frames of one connection are written to. A socket of Node is one as it is. Another one MUST take whole frames in their
 * order, MUST NOT throw for anything the network does, and MUST see to it that the connection is told
 * (`TransportEvents.writable`) once it takes frames again after `writableNeedDrain`. Lengths are bytes.
 */
export interface FrameOutput {
  /** Bytes that it holds and has not passed on. */
  readonly writableLength: number;
  /** It is full when it holds so many bytes. Stays the same. */
  readonly writableHighWaterMark: number;
  /** It was full, and has not been emptied since. */
  readonly writableNeedDrain: boolean;
  /** `end` was called. */
  readonly writableEnded: boolean;
  /** Nothing that is written arrives any more. */
  readonly destroyed: boolean;
  /**
   * @param frames One or more whole frames of a server, not masked (RFC 6455 §5.1). They may be shared with other connections: they
   * MUST NOT be changed.
   * @param written Called once these bytes have been passed on. A transport that tells `writable` each time it has passed on
   * everything may leave it uncalled.
   * @returns false when it is full now. It takes more all the same.
   */
  write(frames: Buffer, written?: (error?: Error | null) => void): boolean;
  /** From here to `uncork`, writes are gathered. */
  cork(): void;
  uncork(): void;
  /** Ends the stream behind everything that it holds: both close frames have passed, or the peer cannot answer. */
  end(): void;
}
