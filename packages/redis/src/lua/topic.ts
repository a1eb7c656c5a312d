/** How long a topic outlives its `ageMs` without a sign of its subscribers, who give one every ten seconds. Milliseconds. */
export const GRACE_MS = 30_000;
/** So many runs of the server are told apart in one epoch. */
const RUNS = 16;
/** So many publications, and so many parts of the bytes, may be kept over the bounds, so that not each call has to drop some. No reader sees them. */
const SLACK_MESSAGES = 128;
const SLACK_PART = 1.25;
/** Numbers above it a script does not write digit by digit. */
const MOST = 1e13;

/*
 * What all scripts of a topic with history share.
 *
 * KEYS[2] is a stream. An entry holds the publications that came in one call, at most some: it costs the server as much as one publication.
 * Its id is the offset of its last one and the sum of all bytes of the epoch up to it; its value begins with the time, the number of
 * publications and their bytes. So the server finds an offset by itself, and dropping the oldest entries needs no look at them.
 *
 * KEYS[1] holds, as one string: the top, the first offset in the stream, that below which nothing is shown any more, the sum of all bytes, that before the first entry, the number
 * of entries, the time of the first, the bounds, when the stream expires, the epoch, and the runs.
 *
 * A run is a time in which one server process has written the topic and no other has. The last argument names the process, by what the server
 * itself calls its run_id. Where the user may not know that, the address of a table that lives as long stands for it: random too, unless the
 * system gives every process the same addresses. To that a run adds some random characters, since a server that has lost the topic to another
 * one may get it back, with the log of the other. Each run stands with its cut, the top at its first sight of the topic. Nodes say which top
 * they have seen in which run: where a later run has a cut below that, the log came back shorter than what was seen, and its offsets would be
 * given twice. Then another epoch begins. So it does where the stream has not as many entries as it should, and where what stands here is not
 * ours.
 */
export const TOPIC: string = `
local metaKey, streamKey = KEYS[1], KEYS[2]
local process = ARGV[#ARGV]
if process == '' then process = string.gsub(string.sub(tostring(redis), 8), '[^%w]', '') end
-- No digit of a process is a z.
process = process .. 'z'
local newRun = process .. string.sub(string.gsub(ARGV[1], '[^%w]', ''), 1, 6)
local run = newRun
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch, top, first, least, sum, base, entries, oldest, messages, bytes, age, expires, runs, length
local isChanged = false
local META = '>I6I6I6I6I6I6I6I6I6I6I6I1'

local function begin(fresh)
  if length > 0 then redis.call('DEL', streamKey) end
  epoch, top, first, least, sum, base, entries, oldest, expires, runs = fresh, 0, 1, 1, 0, 0, 0, 0, 0, run .. ':0'
  messages, bytes, age = messages or 0, bytes or 0, age or 1
  isChanged = true
end

-- False when there is no epoch that could go on: missing, foreign, or shorter than what was seen.
local function open(seenEpoch, seenTop, seenRun)
  local text = redis.call('GET', metaKey)
  length = redis.call('XLEN', streamKey)
  if not text then return false end
  if #text < 78 or string.sub(text, 1, 3) ~= 'uw1' then return false end
  local highestTop, _, _, highestSum, _, _, _, _, _, _, _, size = struct.unpack(META, text, 4)
  local name, known = string.sub(text, 71, 70 + size), string.sub(text, 71 + size)
  if highestTop > ${MOST} or highestSum > ${MOST} or size < 8 or not string.find(name, '^[%w_-]+$') or not string.find(known, '^%w+:%d+') then return false end
  top, first, least, sum, base, entries, oldest, messages, bytes, age, expires = struct.unpack(META, text, 4)
  epoch, runs = name, known
  if string.sub(runs, 1, #process) == process then
    run = string.match(runs, '^%w+')
  else
    isChanged = true
    runs = run .. ':' .. top .. ',' .. runs
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
  if length == entries then return true end
  if length > 0 then return false end
  isChanged = true
  first, base, entries = top + 1, sum, 0
  return true
end

local function save()
  local text = 'uw1' .. struct.pack(META, top, first, least, sum, base, entries, oldest, messages, bytes, age, expires, #epoch) .. epoch .. runs
  redis.call('SET', metaKey, text, 'PX', age + ${GRACE_MS})
end

-- Looks at the first entry. Returns the sum of bytes up to it, its last offset and its value.
local function front()
  local entry = redis.call('XRANGE', streamKey, '-', '+', 'COUNT', 1)[1]
  local last, upTo = string.match(entry and entry[1] or '', '^(%d+)-(%d+)$')
  local value = entry and entry[2][2] or ''
  if #value < 12 then
    if entry then redis.call('DEL', streamKey) end
    first, base, entries, oldest = top + 1, sum, 0, 0
    return sum, top, ''
  end
  local at, count, size = struct.unpack('>I6I2I4', value)
  first, base, oldest = last - count + 1, upTo - size, at
  return tonumber(upTo), tonumber(last), value
end

local function dropBefore(offset)
  entries = entries - redis.call('XTRIM', streamKey, 'MINID', offset)
end

-- Drops entries that are wholly over the bounds. With slack it waits until there are some.
local function trim(hasSlack)
  if entries == 0 then return end
  local over = top - messages + 1 - first
  if over > (hasSlack and math.min(messages, ${SLACK_MESSAGES}) or 0) then
    dropBefore(top - messages + 1)
    front()
  end
  local isOver = sum - base > bytes * (hasSlack and ${SLACK_PART} or 1)
  while entries > 0 and (isOver or now - oldest >= age) do
    local upTo, last = front()
    if sum - upTo < bytes and now - oldest < age then break end
    dropBefore(last + 1)
    front()
  end
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

-- Calls with the number, the place and the end of each item of a body, and how many bytes of data it has; layout.ts of the envelope
-- says how it is written.
local function eachItem(body, at, call)
  local number = 0
  while at <= #body do
    local start = at
    local length, from = varint(body, at)
    at = from + length
    number = number + 1
    local flags, dataAt = string.byte(body, from), from + 1
    if flags % 4 >= 2 then dataAt = dataAt + 1 + string.byte(body, dataAt) end
    if flags % 8 >= 4 then
      local size, next = varint(body, dataAt)
      dataAt = next + size
    end
    call(number, start, at - 1, at - dataAt)
  end
end

-- The first offset that is within the bounds, once trim(false) has dropped the entries that are wholly over them.
local function firstKept()
  local begins = math.max(least, first, top - messages + 1)
  local over = sum - base - bytes
  if entries > 0 and over > 0 then
    local _, _, value = front()
    eachItem(value, 13, function(number, _, _, size)
      if over <= 0 then return end
      over = over - size
      begins = math.max(begins, first + number)
    end)
  end
  return begins
end

-- What the old bounds have dropped does not come back with wider ones.
local function setBounds(newMessages, newBytes, newAge)
  if messages == newMessages and bytes == newBytes and age == newAge then return end
  trim(false)
  least = firstKept()
  messages, bytes, age = newMessages, newBytes, newAge
  isChanged = true
end
`;
