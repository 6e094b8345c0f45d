-- Shared by all scripts; put before each. Not a script of its own.
--   KEYS[1]  the account's prefix (store/keys.py); all other keys are derived from it and share its hash tag
--   ARGV[1]  least time between two calls to a number, ms     ARGV[2]  calls in any window     ARGV[3]  the window, ms
--   ARGV[4]  how long a final notification is kept, ms
-- A script's own arguments begin at ARGV[5]. All times are milliseconds of this server's clock.
-- Read and check first, then write: Redis does not roll back.

local GAP, MAX_CALLS, WINDOW, RETENTION = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local IN_FLIGHT = '-inf'

-- Ready scores are negative and ordered by priority, then submission; 2^44 submissions fit below each priority.
local function ready_score(priority, seq)
  return (9 - priority) * 2 ^ 44 + seq - 2 ^ 48
end

local function stamps_of(mobile)
  local stamps = {}
  for stamp in string.gmatch(redis.call('GET', CALLS(mobile)) or '', '%d+') do
    stamps[#stamps + 1] = tonumber(stamp)
  end
  return stamps
end

local function keep_stamps(mobile, stamps)
  if #stamps == 0 then
    redis.call('DEL', CALLS(mobile))
    return
  end
  local newest = table.concat(stamps, ',', math.max(1, #stamps - MAX_CALLS + 1))
  redis.call('SET', CALLS(mobile), newest, 'PX', math.max(GAP, WINDOW))
end

-- The moment from which the number's own limits allow a call, and which of them speaks.
local function free_at(mobile)
  local at, reason = 0, 'new'
  local stamps = stamps_of(mobile)
  if #stamps > 0 then
    at, reason = stamps[#stamps] + GAP, 'gap'
  end
  if #stamps >= MAX_CALLS then
    local daily = stamps[#stamps - MAX_CALLS + 1] + WINDOW
    if daily > at then
      at, reason = daily, 'daily'
    end
  end
  local hold = tonumber(redis.call('GET', HOLD(mobile)) or 0)
  if hold > at then
    at, reason = hold, 'quota'
  end
  return at, reason
end

-- Puts the number on the agenda at the time when its line next needs attention; takes an empty line off.
local function schedule(mobile, now)
  local head = redis.call('ZRANGE', LINE(mobile), 0, 0, 'WITHSCORES')
  if #head == 0 then
    redis.call('ZREM', AGENDA, mobile)
    return
  end
  local at
  if head[2] == IN_FLIGHT then
    at = tonumber(redis.call('HGET', NOTIFICATION(head[1]), 'lease'))
  else
    at = math.max(now, tonumber(head[2]), (free_at(mobile)))
  end
  redis.call('ZADD', AGENDA, at, mobile)
end

-- How many in line are called before a notification that stands, or will stand, at `place`, and how many behind it.
local function others_in_line(mobile, place)
  local at = string.format('(%.0f', place)
  return redis.call('ZCOUNT', LINE(mobile), '(-inf', at), redis.call('ZCOUNT', LINE(mobile), at, '(0')
end

-- A notification joins its line: at once, or beside it until `due`.
local function join_line(id, mobile, priority, seq, due, now)
  redis.call('ZADD', LINE(mobile), due > now and due or ready_score(priority, seq), id)
end

local function log(id, now, state, reason, detail)
  redis.call('RPUSH', LOG(id), table.concat({now, state, reason, detail or ''}, '\t'))
end

local function move(id, now, from, to, reason, detail)
  redis.call('HSET', NOTIFICATION(id), 'state', to, 'reason', reason)
  redis.call('HINCRBY', COUNTS, from, -1)
  redis.call('HINCRBY', COUNTS, to, 1)
  log(id, now, to, reason, detail)
end

-- The one way into a final state.
local function finish(id, mobile, now, from, to, reason, detail)
  move(id, now, from, to, reason, detail)
  redis.call('HSET', NOTIFICATION(id), 'ended', now)
  redis.call('ZREM', LINE(mobile), id)
  redis.call('ZREM', DEADLINES, id)
  if to == 'dead' then
    redis.call('ZADD', DEAD, now, id)
  else
    redis.call('PEXPIRE', NOTIFICATION(id), RETENTION)
    redis.call('PEXPIRE', LOG(id), RETENTION)
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

-- max_calls_per_second as a token bucket of `slack` ms, so that calls may go in small groups where they are many.
local function rate_slack(interval)
  return interval < 50 and 50 or 0
end

-- When the next call is allowed by it.
local function rate_free_at(interval)
  return tonumber(redis.call('GET', RATE) or 0) - rate_slack(interval)
end
