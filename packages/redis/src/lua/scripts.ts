import type { RedisScript } from "../driver/driver.ts";
import { scriptOf } from "../driver/script.ts";
import { GRACE_MS, TOPIC } from "./topic.ts";

/*
 * Publishes a batch of one topic with history: all or, after an error of the server, as if it were not there.
 * KEYS: meta, stream, then an idempotency key for each publication that has one [, the channel, where channels live in slots].
 * ARGV: 1 an epoch to begin with; 2 to 4 the epoch, top and run that were seen; 5 to 7 the bounds: messages, bytes, ageMs; 8 PUBLISH or
 * SPUBLISH; 9 the channel; 10 the first bytes of the envelope; 11 the first bytes of its header; 12 how many parts; for each part how many
 * publications, how many bytes of data, the body; for each key the number of its publication and how long it is kept; the process.
 * Returns epoch, run, the first offset that is new, how many are new, the receivers, and for each known key the number of its publication
 * and "epoch offset".
 */
export const publishScript: RedisScript = scriptOf(`${TOPIC}
local parts, total = {}, 0
for part = 1, ARGV[12] do
  local at = 10 + part * 3
  parts[part] = { tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2] }
  total = total + parts[part][1]
end

-- Which publications must not be published again: with the position of the first time, or the number of that in this batch.
local known, firstOf, isAnyKnown, keysAt = {}, {}, false, 13 + #parts * 3
for place = keysAt, #ARGV - 1, 2 do
  local key, number = KEYS[3 + (place - keysAt) / 2], tonumber(ARGV[place])
  -- What is no position of ours counts as nothing.
  known[number] = firstOf[key] or string.match(redis.call('GET', key) or '', '^[%w_-]+ [1-9]%d*$')
  if known[number] then isAnyKnown = true else firstOf[key] = number end
end
-- How many of those stand before each publication.
local before = {}
if isAnyKnown then
  local number, dropped = 0, 0
  for place, part in ipairs(parts) do
    local kept, count, size = {}, 0, 0
    eachItem(part[3], 1, function(_, from, to, data)
      number = number + 1
      before[number] = dropped
      if known[number] then dropped = dropped + 1 return end
      kept[#kept + 1] = string.sub(part[3], from, to)
      count, size = count + 1, size + data
    end)
    parts[place] = { count, size, table.concat(kept) }
  end
  total = total - dropped
end

if not open(ARGV[2], tonumber(ARGV[3]), ARGV[4]) then begin(ARGV[1]) end
setBounds(tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]))

local from, bodies, isFirst = top + 1, {}, true
for _, part in ipairs(parts) do
  local count, size, body = part[1], part[2], part[3]
  if count > 0 then
    local value = struct.pack('>I6I2I4', now, count, size) .. body
    if isFirst then
      -- Only here can the stream refuse: a foreign entry has a greater id. Nothing else is written yet.
      local added = redis.pcall('XADD', streamKey, (top + count) .. '-' .. (sum + size), 'd', value)
      if type(added) == 'table' and added.err then
        if not string.find(added.err, 'equal or smaller', 1, true) then return added end
        length = 1
        begin(ARGV[1])
        from = 1
        redis.call('XADD', streamKey, count .. '-' .. size, 'd', value)
      end
    else
      redis.call('XADD', streamKey, (top + count) .. '-' .. (sum + size), 'd', value)
    end
    if entries == 0 then first, base, oldest = top + 1, sum, now end
    top, sum, entries = top + count, sum + size, entries + 1
    bodies[#bodies + 1] = body
    isFirst = false
  end
end
trim(true)
if entries > 0 and expires - now < age + ${GRACE_MS / 2} then
  redis.call('PEXPIRE', streamKey, age + ${GRACE_MS})
  expires = now + age + ${GRACE_MS}
end
save()

local told = {}
for place = keysAt, #ARGV - 1, 2 do
  local number = tonumber(ARGV[place])
  local earlier = known[number]
  if type(earlier) == 'number' then earlier = epoch .. ' ' .. (from + earlier - 1 - (before[earlier] or 0)) end
  if earlier then
    told[#told + 1] = number
    told[#told + 1] = earlier
  else
    redis.call('SET', KEYS[3 + (place - keysAt) / 2], epoch .. ' ' .. (from + number - 1 - (before[number] or 0)), 'PX', ARGV[place + 1])
  end
end
local receivers = 0
if total > 0 then
  local header = ARGV[11] .. string.char(#epoch) .. epoch .. struct.pack('>I4I4', math.floor(from / 4294967296), from % 4294967296) .. string.char(#run) .. run
  receivers = redis.call(ARGV[8], ARGV[9], ARGV[10] .. string.char(#header) .. header .. table.concat(bodies))
end
return { epoch, run, from, total, receivers, told }
`);

/*
 * What each of many topics has now; it begins if there is none. It stays alive by it. One that fails does not hold up the others.
 * KEYS: meta and stream of each. ARGV: an epoch to begin with, then one text for each topic: the epoch, top and run that were seen, and the
 * bounds: messages, bytes, ageMs; the process.
 * Returns one text with the epoch, top and run of each, and for each that failed its number and the error. Clients take much longer
 * for many small values than for one text.
 */
export const lookScript: RedisScript = scriptOf(`${TOPIC}
local function look(text)
  local seenEpoch, seenTop, seenRun, newMessages, newBytes, newAge = string.match(text, '^(%S*) (%d+) (%S*) (%d+) (%d+) (%d+)$')
  messages, bytes, age, isChanged, run = nil, nil, nil, false, newRun
  if not open(seenEpoch, tonumber(seenTop), seenRun) then begin(ARGV[1]) end
  setBounds(tonumber(newMessages), tonumber(newBytes), tonumber(newAge))
  -- Nothing is written, and nothing goes into the log, unless there is a reason.
  if isChanged or redis.call('PTTL', metaKey) < age + ${GRACE_MS / 2} then save() end
end

local answers, failures = {}, {}
for number = 1, #KEYS / 2 do
  metaKey, streamKey = KEYS[number * 2 - 1], KEYS[number * 2]
  local isDone, failure = pcall(look, ARGV[number + 1])
  answers[number] = isDone and epoch .. ' ' .. top .. ' ' .. run or '- 0 -'
  if not isDone then
    failures[#failures + 1] = number
    failures[#failures + 1] = failure.err or tostring(failure)
  end
end
return { table.concat(answers, ' '), failures }
`);

/*
 * What is kept after an offset. A topic that is not there does not begin by it.
 * KEYS: meta, stream. ARGV: an epoch to begin with, the epoch, top and run that were seen; the offset, how many, how many bytes about; the process.
 * Returns epoch, top, the first offset that is kept, run, and for each entry its last offset and its value.
 */
export const pageScript: RedisScript = scriptOf(`${TOPIC}
if not open(ARGV[2], tonumber(ARGV[3]), ARGV[4]) then
  if not epoch then return { '', 0, 1, run, {} } end
  begin(ARGV[1])
end
local had = entries
trim(false)
if isChanged or entries ~= had then save() end
local begins = firstKept()
local found = {}
local from = math.max(tonumber(ARGV[5]) + 1, begins)
if entries > 0 and from <= top then
  local most = math.max(1, math.floor(ARGV[7] / ((sum - base) / entries + 100)))
  for _, entry in ipairs(redis.call('XRANGE', streamKey, from, '+', 'COUNT', math.min(ARGV[6], most))) do
    found[#found + 1] = tonumber(string.match(entry[1], '^%d+'))
    found[#found + 1] = entry[2][2]
  end
end
return { epoch, top, begins, run, found }
`);

/*
 * Publishes what has idempotency keys to a topic without history.
 * KEYS: the key of each [, the channel]. ARGV: PUBLISH or SPUBLISH, the channel, then for each: how long its key is kept, the
 * envelope, and the envelope that says that its number was taken for nothing; the process.
 * Returns for each how many received it; -1 when its key was known.
 */
export const keyedScript: RedisScript = scriptOf(`
local results = {}
for place = 3, #ARGV - 1, 3 do
  local number = (place - 3) / 3 + 1
  if redis.call('SET', KEYS[number], '-', 'NX', 'PX', ARGV[place]) then
    results[number] = redis.call(ARGV[1], ARGV[2], ARGV[place + 1])
  else
    redis.call(ARGV[1], ARGV[2], ARGV[place + 2])
    results[number] = -1
  end
end
return results
`);

/** All scripts, for the driver to load. */
export const scripts: readonly RedisScript[] = [publishScript, lookScript, pageScript, keyedScript];
