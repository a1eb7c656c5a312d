import { createHash } from "node:crypto";

/** Longer ids of users are told apart by their hash: a broker takes keys of at most 512 characters. */
export const MAX_ID_LENGTH = 200;

/** Whose keys these are. */
export interface KeyOwner {
  readonly userId: string | undefined;
  /** Clients without an id share their keys; how many each of them may have remembered counts by its address. */
  readonly connection: { readonly remoteAddress: string };
}

/** A key that no other owner can have. */
export interface ScopedKey {
  readonly key: string;
  /** Who gives way first when too many are remembered: an owner who has the most. */
  readonly owner: string;
}

/** `key` of a user, of one of the clients without an id, or of the server itself: no two of these have one scope. */
export function scopedKey(owner: KeyOwner | "server", key: string): ScopedKey {
  const scope = scopeOf(owner);
  const isAnonymous = owner !== "server" && owner.userId === undefined;
  return { key: `${scope}:${key}`, owner: isAnonymous ? `${scope}:${owner.connection.remoteAddress}` : scope };
}

function scopeOf(owner: KeyOwner | "server"): string {
  if (owner === "server") return "s";
  const { userId } = owner;
  if (userId === undefined) return "a";
  if (userId.length <= MAX_ID_LENGTH) return `u${userId.length}:${userId}`;
  // No id that is written out has this scope.
  return `h${hashOf(userId)}`;
}

/** In UTF-16, since in UTF-8 all lone surrogates are one. */
export function hashOf(userId: string): string {
  return createHash("sha256").update(userId, "utf16le").digest("hex");
}
