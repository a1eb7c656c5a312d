import type { RedisReply } from "./driver.ts";

/** A string of Redis as text; nil, and whatever else is no string, as "". */
export function replyText(reply: RedisReply | undefined): string {
  if (typeof reply === "number") return String(reply);
  return Buffer.isBuffer(reply) ? reply.toString() : "";
}

/** Whole numbers come as such, or as text; everything else is `NaN`. */
export function replyNumber(reply: RedisReply | undefined): number {
  if (typeof reply === "number") return reply;
  return Buffer.isBuffer(reply) && reply.length > 0 ? Number(reply.toString()) : Number.NaN;
}

/** An array; whatever else is none, as an empty one. */
export function replyArray(reply: RedisReply | undefined): readonly RedisReply[] {
  return Array.isArray(reply) ? (reply as readonly RedisReply[]) : [];
}

/** A flat array of keys and values as a map. */
export function replyMap(reply: RedisReply | undefined): ReadonlyMap<string, RedisReply> {
  const flat = replyArray(reply);
  const map = new Map<string, RedisReply>();
  for (let at = 0; at + 1 < flat.length; at += 2) map.set(replyText(flat[at]), flat[at + 1] as RedisReply);
  return map;
}
