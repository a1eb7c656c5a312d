// The bytes that writer and reader agree on. apps/docs/reference/envelope.md says the same in words.

/** "uw": what does not begin so is not ours. */
export const MAGIC_0 = 0x75;
export const MAGIC_1 = 0x77;

export const KIND_PUBLICATIONS = 1;
export const KIND_TOPS = 2;
export const KIND_CONTROL = 3;

/** Flags of the header of publications. */
export const HAS_NUMBER = 1;
export const HAS_EARLIER = 2;
export const HAS_POSITION = 4;
export const HAS_RUN = 8;
export const HAS_SKIPPED = 16;

/** Flags of an item. */
export const IS_BINARY = 1;
export const HAS_ORIGIN = 2;
export const HAS_EXTENSION = 4;

/** Bytes of an offset: big-endian, so that a script inside the server can write it. */
export const OFFSET_BYTES = 8;
