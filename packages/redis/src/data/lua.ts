import { scriptOf } from "../driver/script.ts";
import type { RedisScript } from "../driver/driver.ts";

/** How long a topic outlives its `ageMs` without a sign of its subscribers, who give one every ten seconds. Milliseconds. */
const GRACE_MS = 30_000;
/** So many runs of the server are told apart in one epoch. */
const RUNS = 16;

/*
 * What all scripts of a topic share. KEYS[1] holds, as one string, the epoch of the topic, the newest offset, the first one that is
 * kept, how many bytes are kept, when the oldest of them was published, how long they are kept, and the runs of the server. KEYS[2]
 * is the stream; the id of an entry is its offset and the time of its publication.
 *
 * A run is the life of one server process: by the random address of a table that lives as long as the process a script knows it without
 * asking the server for anything, and nothing of it gets into the log. Each run stands with its cut, the top at its first sight of the
 * topic. Nodes say which top they have seen in which run: where a later run has a cut below that, the log came back
 * shorter than what was seen, so that its offsets would be given twice. Then another epoch begins. So it does where the stream is not
 * as long as it should be, and where what stands here is not ours.
 */
const TOPIC = `
local run = string.gsub(string.sub(tostring(redis), 8), '[^%w]', '')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch, top, first, bytes, oldest, age, runs, length
local isChanged = false
local function digits(number) return string.format('%.0f', number) end

local function begin(fresh)
  if length > 0 then redis.call('DEL', KEYS[2]) end
  epoch, top, first, bytes, oldest, age, runs = fresh, 0, 1, 0, 0, age or 1, run .. ':0'
end

-- False when there is no epoch that could go on: missing, foreign, or shorter than what was seen.
local function open(seenEpoch, seenTop, seenRun)
  local text = redis.call('GET', KEYS[1])
  length = redis.call('XLEN', KEYS[2])
  if not text then return false end
  local e, t, f, b, o, a, r = string.match(text, '^1 ([%w_-]+) (%d+) (%d+) (%d+) (%d+) (%d+) ([%w:,]+)$')
  if not e then return false end
  epoch, top, first, bytes, oldest, age, runs = e, tonumber(t), tonumber(f), tonumber(b), tonumber(o), tonumber(a), r
  if string.sub(runs, 1, #run + 1) ~= run .. ':' then
    isChanged = true
    runs = run .. ':' .. t .. ',' .. runs
    local commas = select(2, string.gsub(runs, ',', ','))
    if commas >= ${RUNS} then runs = string.gsub(runs, ',[^,]*$', '') end
  end
  if seenEpoch == epoch and seenTop > 0 then
    local highest, found = top, false
    for known, cut in string.gmatch(runs, '(%w+):(%d+)') do
      if known == seenRun then found = true break end
      highest = math.min(highest, tonumber(cut))
    end
    if not found or seenTop > highest then return false end
  end
  if length == 0 then
    isChanged = isChanged or first <= top
    first, bytes, oldest = top + 1, 0, 0
  elseif length ~= top - first + 1 then
    return false
  end
  return true
end

local function save()
  redis.call('SET', KEYS[1], table.concat({ '1', epoch, digits(top), digits(first), digits(bytes), digits(oldest), digits(age), runs }, ' '), 'PX', digits(age + ${GRACE_MS}))
end

local function varint(text, at)
  local value, factor = 0, 1
  while true do
    local byte = string.byte(text, at)
    at = at + 1
    value = value + (byte % 128) * factor
    if byte < 128 then return value, at end
    factor = factor * 128
  end
end

-- How many bytes of data an item has; layout.ts of the envelope says how it is written.
local function sizeOf(item)
  local flags, at = string.byte(item, 1), 2
  if flags % 4 >= 2 then at = at + 1 + string.byte(item, at) end
  if flags % 8 >= 4 then
    local size, next = varint(item, at)
    at = next + size
  end
  return #item - at + 1
end

-- Drops what is over the bounds. It reads no more than that and one entry.
local function trim(maxMessages, maxBytes)
  local from, more = first, 1
  while first <= top do
    local over = top - first + 1 - maxMessages
    if over <= 0 and bytes <= maxBytes and now - oldest < age then break end
    local page = redis.call('XRANGE', KEYS[2], digits(first), '+', 'COUNT', math.max(over, 0) + more)
    more = math.min(more * 2, 64)
    if #page == 0 then first, bytes = top + 1, 0 break end
    for _, entry in ipairs(page) do
      oldest = tonumber(string.match(entry[1], '-(%d+)$'))
      if top - first + 1 <= maxMessages and bytes <= maxBytes and now - oldest < age then break end
      bytes = math.max(0, bytes - sizeOf(entry[2][2]))
      first = first + 1
    end
    -- Where the page ended inside the bounds, the loop has the time of the oldest; else it reads on.
    if first <= top and #page > 0 and first > tonumber(string.match(page[#page][1], '^%d+')) then oldest = 0 end
  end
  if first > from then redis.call('XTRIM', KEYS[2], 'MINID', digits(first)) end
end
`;

/*
 * Publishes a batch of one topic with history: all or, after an error of the server, as if it were not there.
 * KEYS: meta, stream, then an idempotency key for each item that has one [, the channel, where channels live in slots].
 * ARGV: an epoch to begin with, the epoch, top and run that were seen; the bounds: messages, bytes, ageMs; PUBLISH or SPUBLISH,
 * the channel, the first bytes of the envelope, the node; the items; then for each key the number of its item and how long it is kept.
 * Returns epoch, run, the first offset that is new, how many are new, the receivers, and for each known key the number of its item and
 * "epoch offset".
 */
export const publishScript: RedisScript = scriptOf(`${TOPIC}
local body = ARGV[12]
local items, ends, at = {}, {}, 1
while at <= #body do
  local size, from = varint(body, at)
  at = from + size
  items[#items + 1] = string.sub(body, from, at - 1)
  ends[#items] = at - 1
end
local known, keyOf, isKnown = {}, {}, false
for place = 13, #ARGV, 2 do
  local key, item = KEYS[3 + (place - 13) / 2], tonumber(ARGV[place])
  keyOf[item] = { key, ARGV[place + 1] }
  known[item] = redis.call('GET', key)
  if known[item] then isKnown = true end
end
if not open(ARGV[2], tonumber(ARGV[3]), ARGV[4]) then begin(ARGV[1]) end
age = tonumber(ARGV[7])

local offsets, fresh, told = {}, {}, {}
local from
for number, item in ipairs(items) do
  local key = keyOf[number]
  -- A key that an item of this very batch has taken is known too.
  if key and not known[number] and fresh[key[1]] then
    known[number] = fresh[key[1]]
    isKnown = true
  end
  if known[number] then
    told[#told + 1] = number
    told[#told + 1] = known[number]
  else
    local id = digits(top + 1) .. '-' .. digits(now)
    if not from then
      -- Only here can the stream refuse: a foreign entry has a greater id.
      local added = redis.pcall('XADD', KEYS[2], id, 'd', item)
      if type(added) == 'table' and added.err then
        if not string.find(added.err, 'equal or smaller', 1, true) then return added end
        length = 1
        begin(ARGV[1])
        age = tonumber(ARGV[7])
        redis.call('XADD', KEYS[2], '1-' .. digits(now), 'd', item)
      end
      from = top + 1
    else
      redis.call('XADD', KEYS[2], id, 'd', item)
    end
    top = top + 1
    if first == top then oldest = now end
    bytes = bytes + sizeOf(item)
    offsets[#offsets + 1] = number
    if key then
      fresh[key[1]] = epoch .. ' ' .. digits(top)
      redis.call('SET', key[1], fresh[key[1]], 'PX', key[2])
    end
  end
end
trim(tonumber(ARGV[5]), tonumber(ARGV[6]))
save()
local receivers = 0
if from then
  if first <= top then redis.call('PEXPIRE', KEYS[2], digits(age)) end
  if isKnown then
    local parts = {}
    for _, number in ipairs(offsets) do parts[#parts + 1] = string.sub(body, (ends[number - 1] or 0) + 1, ends[number]) end
    body = table.concat(parts)
  end
  local header = ARGV[11] .. string.char(#epoch) .. epoch .. struct.pack('>I4I4', math.floor(from / 4294967296), from % 4294967296) .. string.char(#run) .. run
  receivers = redis.call(ARGV[8], ARGV[9], ARGV[10] .. string.char(#header) .. header .. body)
end
return { epoch, run, from or 0, #offsets, receivers, told }
`);

/*
 * What a topic has now; it begins if there is none. It stays alive by it.
 * KEYS: meta, stream. ARGV: an epoch to begin with, the epoch, top and run that were seen, ageMs.
 * Returns epoch, top, run.
 */
export const lookScript: RedisScript = scriptOf(`${TOPIC}
local isNew = not open(ARGV[2], tonumber(ARGV[3]), ARGV[4])
if isNew then begin(ARGV[1]) end
local isOther = age ~= tonumber(ARGV[5])
age = tonumber(ARGV[5])
-- Nothing is written, and nothing goes into the log, unless there is a reason.
if isNew or isOther or isChanged or redis.call('PTTL', KEYS[1]) < age + ${GRACE_MS / 2} then save() end
return { epoch, top, run }
`);

/*
 * What is kept after an offset. A topic that is not there does not begin by it.
 * KEYS: meta, stream. ARGV: an epoch to begin with, the epoch, top and run that were seen, the offset, how many, how many bytes about.
 * Returns epoch, top, the first offset that is kept, run, the offset of the first item, the items.
 */
export const pageScript: RedisScript = scriptOf(`${TOPIC}
if not open(ARGV[2], tonumber(ARGV[3]), ARGV[4]) then
  if not epoch then return { '', 0, 1, run, 1, {} } end
  begin(ARGV[1])
  save()
end
if first <= top and now - oldest >= age then
  trim(math.huge, math.huge)
  save()
end
local from = math.max(tonumber(ARGV[5]) + 1, first)
local items = {}
if from <= top then
  local each = bytes / (top - first + 1) + 100
  local count = math.min(tonumber(ARGV[6]), math.max(1, math.floor(tonumber(ARGV[7]) / each)))
  for place, entry in ipairs(redis.call('XRANGE', KEYS[2], digits(from), '+', 'COUNT', digits(count))) do
    if string.match(entry[1], '^%d+') ~= digits(from + place - 1) then break end
    items[place] = entry[2][2]
  end
end
return { epoch, top, first, run, from, items }
`);

/*
 * Publishes items without history that have idempotency keys.
 * KEYS: the key of each [, the channel]. ARGV: PUBLISH or SPUBLISH, the channel, then for each: how long its key is kept, the
 * envelope, and the envelope that says that its number was taken for nothing.
 * Returns for each how many received it; -1 when its key was known.
 */
export const keyedScript: RedisScript = scriptOf(`
local results = {}
for place = 3, #ARGV, 3 do
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
