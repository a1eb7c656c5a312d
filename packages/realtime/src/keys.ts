import { createHash } from "node:crypto";

/** Longer ids of users are told apart by their hash: a broker takes keys of at most 512 characters. */
const MAX_ID_LENGTH = 200;

/** Whose keys these are. */
export interface KeyOwner {
  readonly userId: string | undefined;
}

/** `key` of a user, of one of the clients without an id, or of the server itself: no two of these have one scope. */
export function scopedKey(owner: KeyOwner | "server", key: string): string {
  if (owner === "server") return `s:${key}`;
  const { userId } = owner;
  if (userId === undefined) return `a:${key}`;
  if (userId.length <= MAX_ID_LENGTH) return `u${userId.length}:${userId}:${key}`;
  // In UTF-16, since in UTF-8 all lone surrogates are one. No id that is written out has this scope.
  return `h${createHash("sha256").update(userId, "utf16le").digest("hex")}:${key}`;
}
