-- What a dispatcher has to do now: lines that are due, leased for a wake-up, and calls whose lease ran out.
--   call   fewest: lines for a wake-up, if so many are due; most: lines; wakeup: its id; wakeups_per_worker: under way; worker: name
--   reply  ids: to wake for; lapsed: calls, which stay in flight until they are settled, each with id, token, attempts, unconfirmed,
--          policy; now; idle: ms until there is something due, nil where that is not known
--- @include "clock"
--- @include "contract"
--- @include "line"
--- @include "record"
--- @include "gate"
--- @include "rate"
--- @include "heartbeats"

local AGENDA, CALLING, WAKEUPS = P .. 'agenda', P .. 'calling', P .. 'wakeups'
local now = clock_ms()
local most, given_up = call.most, now + rules.wakeup_lease_ms

beat(call.worker, now)

local lapsed = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', CALLING, '-inf', now, 'LIMIT', 0, most)) do
  local found = redis.call('HMGET', NOTIFICATION .. id, 'token', 'attempts', 'unconfirmed', 'policy', 'mobile')
  if not found[1] or not found[5] then
    redis.call('ZREM', CALLING, id) -- its record is gone, or damaged: there is nothing to settle
  else
    lapsed[#lapsed + 1] = pack_lapsed_call{
      id = id, token = found[1], attempts = tonumber(found[2] or 0), unconfirmed = tonumber(found[3] or 0),
      policy = found[4] or '',
    }
    -- So that one dispatcher settles it, and another does if that one dies first.
    redis.call('ZADD', CALLING, given_up, id)
    redis.call('ZADD', AGENDA, given_up, found[5])
  end
end

local function claimed(ids, idle)
  return pack_reply{ids = ids, lapsed = lapsed, now = now, idle = idle}
end

local gate, look = account_gate(now)
if gate == 'closed' then
  return claimed({}, look and look - now)
elseif gate == 'probe' then
  most = 1
end

redis.call('ZREMRANGEBYSCORE', WAKEUPS, '-inf', now)
local wakeups = call.wakeups_per_worker * redis.call('ZCARD', HEARTBEATS)
if redis.call('ZCARD', WAKEUPS) >= wakeups then
  return claimed({})
end
-- Few lines are spread over all processes; many go in large wake-ups, which cost Celery less.
local share = math.ceil(redis.call('ZCOUNT', AGENDA, '-inf', now) / wakeups)
most = math.min(most, math.max(call.fewest, share))

if rules.call_interval_ms > 0 then
  local free = rate_free_at()
  if free > now then
    return claimed({}, math.ceil(free - now))
  end
  most = math.min(most, math.floor((now - math.max(free, now - RATE_SLACK_MS)) / rules.call_interval_ms) + 1)
end

local ids = {}
for _, mobile in ipairs(redis.call('ZRANGEBYSCORE', AGENDA, '-inf', now, 'LIMIT', 0, most)) do
  local head = redis.call('ZRANGE', LINE .. mobile, 0, 0)
  ids[#ids + 1] = head[1]
  redis.call('ZADD', AGENDA, given_up, mobile)
end
if #ids > 0 then
  redis.call('ZADD', WAKEUPS, given_up, call.wakeup)
  return claimed(ids, 0)
end
local first = redis.call('ZRANGE', AGENDA, 0, 0, 'WITHSCORES')
return claimed(ids, first[2] and math.ceil(math.max(0, tonumber(first[2]) - now)))
