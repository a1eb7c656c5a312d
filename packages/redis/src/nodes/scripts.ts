import { scriptOf } from "../driver/script.ts";
import type { RedisScript } from "../driver/driver.ts";

/** Time is that of Redis: the clocks of the nodes need not agree. */
const NOW = "local t = redis.call('TIME')\nlocal now = t[1] * 1000 + math.floor(t[2] / 1000)\n";

/**
 * Takes or renews the lease of a node, and ends the leases that are over; the first node to see that tells the others. No lease is longer than
 * that, whatever the clock of Redis was when it was taken: where it was set back, a dead node would live on for as long. KEYS: alive, kept.
 * ARGV: node, lease in milliseconds, PUBLISH or SPUBLISH, channel, message, which ends with the names of the nodes that are gone.
 * Returns the nodes, and the id of the newest entry that is kept.
 */
export const leaseScript: RedisScript = scriptOf(`${NOW}
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
if #gone > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  redis.call(ARGV[3], ARGV[4], ARGV[5] .. table.concat(gone, ','))
end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now + ARGV[2]), '+inf', 'LIMIT', 0, 1000)) do
  redis.call('ZADD', KEYS[1], now + ARGV[2], node)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local top = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
return { redis.call('ZRANGE', KEYS[1], 0, -1), top[1] and top[1][1] or '0-0' }
`);

/**
 * Keeps what one node tells another, or all, and says so on a channel. KEYS: kept. ARGV: to ("" for all), from, data, how long in
 * milliseconds, the longest in milliseconds, the most entries, PUBLISH or SPUBLISH, channel, message, which ends with the id of the entry; how
 * many the sender had kept before.
 */
export const keepScript: RedisScript = scriptOf(`${NOW}
local id = redis.call('XADD', KEYS[1], '*', 't', ARGV[1], 'f', ARGV[2], 'd', ARGV[3], 'u', now + ARGV[4], 'n', ARGV[10])
redis.call('XTRIM', KEYS[1], 'MINID', now - ARGV[5])
redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[6])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return redis.call(ARGV[7], ARGV[8], ARGV[9] .. id)
`);

/**
 * What is kept for a node. KEYS: kept. ARGV: the first id, or "(" and the id before it; node, at most so many entries, the last id or "+".
 * Returns the id up to which it has looked, how many entries it has seen, and sender, data and number of each that is for this node.
 */
export const keptScript: RedisScript = scriptOf(`${NOW}
local entries = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[4], 'COUNT', ARGV[3])
local last, found = '', {}
for _, entry in ipairs(entries) do
  last = entry[1]
  local field = {}
  for at = 1, #entry[2], 2 do field[entry[2][at]] = entry[2][at + 1] end
  local isMine = field.t == ARGV[2] or (field.t == '' and field.f ~= ARGV[2])
  -- What is not ours may lack anything.
  if isMine and field.f and field.d and (tonumber(field.u) or 0) > now then
    found[#found + 1] = field.f
    found[#found + 1] = field.d
    found[#found + 1] = field.n or ''
  end
end
return { last, #entries, found }
`);

export const planeScripts: readonly RedisScript[] = [leaseScript, keepScript, keptScript];
