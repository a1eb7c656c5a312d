import { hashOf, MAX_ID_LENGTH } from "./keys.ts";

/** Where events to all connections go. */
export const EVERYONE = "all";

const USER = "user:";

/** Where events to the connections of one user go; two users have two addresses. */
export function addressOf(userId: string): string {
  // Brokers write names as UTF-8, in which all lone surrogates are one.
  return userId.length <= MAX_ID_LENGTH && !/\p{Cs}/u.test(userId) ? USER + userId : `hash:${hashOf(userId)}`;
}

/** Whose address it is; `undefined` for that of a user whose id does not stand in it, and for what is none. */
export function userIdIn(address: string): string | undefined {
  return address.startsWith(USER) ? address.slice(USER.length) : undefined;
}
