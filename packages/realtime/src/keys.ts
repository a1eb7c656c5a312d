import { createHash } from "node:crypto";

/** Longer ids of users are told apart by their hash: a broker takes keys of at most 512 characters. */
const MAX_ID_LENGTH = 200;

/** `key` of a user, of one of the clients without an id, or of the server itself: no two of these have one scope. */
export function scopedKey(owner: { readonly userId: string | undefined } | "server", key: string): string {
  if (owner === "server") return `s:${key}`;
  const { userId } = owner;
  if (userId === undefined) return `a:${key}`;
  const id = userId.length <= MAX_ID_LENGTH ? userId : createHash("sha256").update(userId).digest("hex");
  return `u${id.length}:${id}:${key}`;
}
