/** A place in the history of a topic: everything up to `offset`, itself included, has come. Offset 0 stands before the first. */
export interface Position {
  /** Which history the offset counts in: 8 to 32 of `A-Z`, `a-z`, `0-9`, `_`, `-`. */
  readonly epoch: string;
  /** 0 to 2^53-1. */
  readonly offset: number;
}

/** Where a subscription begins: behind a position, or with the newest `last` publications that are kept. */
export type Since = Position | { readonly last: number };

const epochs = /^[\w-]{8,32}$/;

/** An id of a message, or an offset: an integer from 1 to 2^53-1. Takes anything. */
export function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** Takes anything; members that a position does not have are no fault. */
export function isPosition(value: unknown): value is Position {
  const { epoch, offset } = (value ?? {}) as Partial<Record<keyof Position, unknown>>;
  return typeof epoch === "string" && epochs.test(epoch) && (offset === 0 || isId(offset));
}

/** The `since` of a subscribe as the server uses it, or `undefined` for what is none. `last` goes before a position. */
export function readSince(value: unknown): Since | undefined {
  const { last } = (value ?? {}) as { last?: unknown };
  if (last !== undefined) return isId(last) ? { last } : undefined;
  return isPosition(value) ? { epoch: value.epoch, offset: value.offset } : undefined;
}
