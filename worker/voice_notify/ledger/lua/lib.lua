-- Shared by all scripts; what each uses of it is put before it. Names in capitals that are defined nowhere are the account's
-- keys (store/keys.py) and settings (store/options.py); their values take their place when the script is loaded. KEYS[1] is
-- what all its keys begin with, for a cluster to find their slot.
-- Scripts that take many things at once take them one after the other, and treat each as if it came alone. All times are
-- milliseconds of this server's clock. Read and check first, then write: Redis does not roll back.

local IN_FLIGHT = '-inf'
local DAY_MS, CHINA_MS = 86400000, 28800000
local DAYS_KEPT_MS = 35 * DAY_MS

-- The provider's day: days since 1970-01-01, China time.
local function day_of(ms)
  return math.floor((ms + CHINA_MS) / DAY_MS)
end

-- When the day after begins.
local function next_day(ms)
  return (day_of(ms) + 1) * DAY_MS - CHINA_MS
end

-- Counters are added up while a script runs; `write_counts` writes each once, in the script's end.
local counts, totals = {}, {}

-- `by` is a whole number, or HINCRBY fails after all else was written.
local function count(counters, field, by)
  counters[field] = (counters[field] or 0) + by
end

-- Counts one in the first bucket of `bounds` (ms) that holds it, and adds it to the sum.
local function observe(name, ms, bounds)
  local bucket = 'inf'
  for _, bound in ipairs(bounds) do
    if ms <= bound then
      bucket = bound
      break
    end
  end
  count(totals, name .. ':' .. bucket, 1)
  count(totals, name .. '_ms', math.floor(ms))
end

-- The first to count on a day keeps the totals as they stood before.
local function open_day(now)
  local day = DAY .. day_of(now)
  if redis.call('EXISTS', day) == 0 then
    redis.call('HSET', day, 'opened', now)
    local so_far = redis.call('HGETALL', TOTALS)
    for i = 1, #so_far, 2 do
      redis.call('HSET', day, so_far[i], so_far[i + 1])
    end
    redis.call('PEXPIRE', day, DAYS_KEPT_MS)
  end
end

local function add(hash, counters)
  for field, by in pairs(counters) do
    if by ~= 0 then
      redis.call('HINCRBY', hash, field, by)
    end
  end
end

local function write_counts(now)
  if next(totals) then
    open_day(now)
  end
  add(TOTALS, totals)
  add(COUNTS, counts)
end

-- Ready scores are negative and ordered by priority, then submission; 2^44 submissions fit below each priority.
local function ready_score(priority, seq)
  return (9 - priority) * 2 ^ 44 + seq - 2 ^ 48
end

-- What limits a number: call_times of its newest calls, oldest first; when a 606 lets go of it; the call_times as kept.
local function limits_of(mobile)
  local found = redis.call('MGET', CALLS .. mobile, HOLD .. mobile)
  local call_times, kept = {}, found[1] or ''
  for call_time in string.gmatch(kept, '%d+') do
    call_times[#call_times + 1] = tonumber(call_time)
  end
  return call_times, tonumber(found[2] or 0), kept
end

local function keep_call_times(mobile, call_times)
  if #call_times == 0 then
    redis.call('DEL', CALLS .. mobile)
    return
  end
  local newest = table.concat(call_times, ',', math.max(1, #call_times - MAX_CALLS + 1))
  redis.call('SET', CALLS .. mobile, newest, 'PX', math.max(GAP_MS, WINDOW_MS))
end

-- The moment from which a number's own limits allow a call, and which of them speaks.
local function free_at(call_times, hold)
  local at, reason = 0, 'new'
  if #call_times > 0 then
    at, reason = call_times[#call_times] + GAP_MS, 'gap'
  end
  if #call_times >= MAX_CALLS then
    local daily = call_times[#call_times - MAX_CALLS + 1] + WINDOW_MS
    if daily > at then
      at, reason = daily, 'daily'
    end
  end
  if hold > at then
    at, reason = hold, 'quota'
  end
  return at, reason
end

-- The head of a line waits for a limit of its number, which is then its reason where there was no better one.
local BLANK = {new = true, gap = true, daily = true}
local function wait_for(id, limit)
  local reason = redis.call('HGET', NOTIFICATION .. id, 'reason')
  if BLANK[reason] and reason ~= limit then
    redis.call('HSET', NOTIFICATION .. id, 'reason', limit)
    count(counts, 'waiting:' .. reason, -1)
    count(counts, 'waiting:' .. limit, 1)
  end
end

-- Puts the number on the agenda at the time when its line next needs attention; takes an empty line off.
local function schedule(mobile, now)
  local head = redis.call('ZRANGE', LINE .. mobile, 0, 0, 'WITHSCORES')
  if #head == 0 then
    redis.call('ZREM', AGENDA, mobile)
    return
  end
  local at
  if head[2] == IN_FLIGHT then
    at = tonumber(redis.call('HGET', NOTIFICATION .. head[1], 'lease'))
  else
    local free, limit = free_at(limits_of(mobile))
    at = math.max(now, tonumber(head[2]), free)
    if free > now and tonumber(head[2]) < 0 then
      wait_for(head[1], limit)
    end
  end
  redis.call('ZADD', AGENDA, at, mobile)
end

-- How many in line are called before a notification that stands, or will stand, at `place`, and how many behind it.
local function others_in_line(mobile, place)
  local at = string.format('(%.0f', place)
  return redis.call('ZCOUNT', LINE .. mobile, '(-inf', at), redis.call('ZCOUNT', LINE .. mobile, at, '(0')
end

-- The score of a notification that joins its line at `place`, or waits beside it until `due`.
local function score_in_line(place, due, now)
  return due > now and due or place
end

local function log(id, now, state, reason, detail)
  redis.call('RPUSH', LOG .. id, table.concat({now, state, reason, detail or ''}, '\t'))
end

-- `was` is the reason of a waiting one, nil if it was not waiting. What follows `detail` are fields and values to set.
local function move(id, now, from, was, to, reason, detail, ...)
  redis.call('HSET', NOTIFICATION .. id, 'state', to, 'reason', reason, ...)
  count(counts, was and 'waiting:' .. was or from, -1)
  count(counts, to == 'waiting' and 'waiting:' .. reason or to, 1)
  log(id, now, to, reason, detail)
end

-- The one way into a final state.
local function finish(id, mobile, now, from, was, to, reason, detail, ...)
  move(id, now, from, was, to, reason, detail, 'ended', now, ...)
  count(totals, 'final:' .. to .. ':' .. reason, 1)
  redis.call('ZREM', LINE .. mobile, id)
  redis.call('ZREM', DEADLINES, id)
  if to == 'dead' then
    redis.call('ZADD', DEAD, now, id)
  else
    redis.call('PEXPIRE', NOTIFICATION .. id, RETENTION_MS)
    redis.call('PEXPIRE', LOG .. id, RETENTION_MS)
  end
end

-- Whether the account lets calls through: 'open'; 'probe', one call may find out; 'closed', with the time of the next look.
local function account_gate(now)
  local pause = redis.call('HMGET', ACCOUNT, 'since', 'until')
  if not pause[1] then
    return 'open'
  elseif not pause[2] then
    return 'closed'
  elseif tonumber(pause[2]) > now then
    return 'closed', tonumber(pause[2])
  end
  return 'probe'
end

local function is_paused()
  return redis.call('EXISTS', ACCOUNT) == 1
end

local function pause(now, reason, message, cooldown, until_ms)
  redis.call('HSETNX', ACCOUNT, 'since', now)
  redis.call('HSET', ACCOUNT, 'reason', reason, 'message', message, 'cooldown', cooldown)
  if until_ms > 0 then
    redis.call('HSET', ACCOUNT, 'until', until_ms)
  end
end

local function resume()
  redis.call('DEL', ACCOUNT, RUN, RUN_CODE)
end

-- max_calls_per_second as a token bucket of so many ms, so that calls may go in small groups where they are many.
local RATE_SLACK_MS = CALL_INTERVAL_MS < 50 and 50 or 0

-- When the next call is allowed by it.
local function rate_free_at()
  return tonumber(redis.call('GET', RATE) or 0) - RATE_SLACK_MS
end
