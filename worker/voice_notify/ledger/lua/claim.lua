-- What a dispatcher has to do now: lines that are due, leased for a wake-up, and calls whose lease ran out.
--   ARGV 1 fewest lines for a wake-up, if so many are due  2 most lines  3 wake-up id  4 wake-ups under way per worker  5 worker name
-- Reply: {ids to wake for, lapsed calls, ms until there is something due (-1: unknown)}
--   a lapsed call: {id, token, attempts, unconfirmed, on_unconfirmed, now}; it stays in flight until it is settled.
local now = clock_ms()
local fewest, most, given_up = tonumber(ARGV[1]), tonumber(ARGV[2]), now + WAKEUP_LEASE_MS

-- Said again only when half of it has passed: an idle worker does not write to disk all the time.
if tonumber(redis.call('ZSCORE', HEARTBEATS, ARGV[5]) or 0) < now + WORKER_TTL_MS / 2 then
  redis.call('ZADD', HEARTBEATS, now + WORKER_TTL_MS, ARGV[5])
end
redis.call('ZREMRANGEBYSCORE', HEARTBEATS, '-inf', now)

local lapsed = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', CALLING, '-inf', now, 'LIMIT', 0, most)) do
  local call = redis.call('HMGET', NOTIFICATION .. id, 'token', 'attempts', 'unconfirmed', 'policy', 'mobile')
  lapsed[#lapsed + 1] = {id, call[1], call[2] or '0', call[3] or '0', call[4] or '', now}
  -- So that one dispatcher settles it, and another does if that one dies first.
  redis.call('ZADD', CALLING, given_up, id)
  redis.call('ZADD', AGENDA, given_up, call[5])
end

local gate, look = account_gate(now)
if gate == 'closed' then
  return {{}, lapsed, look and look - now or -1}
elseif gate == 'probe' then
  most = 1
end

redis.call('ZREMRANGEBYSCORE', WAKEUPS, '-inf', now)
local wakeups = tonumber(ARGV[4]) * redis.call('ZCARD', HEARTBEATS)
if redis.call('ZCARD', WAKEUPS) >= wakeups then
  return {{}, lapsed, -1}
end
-- Few lines are spread over all processes; many go in large wake-ups, which cost Celery less.
local share = math.ceil(redis.call('ZCOUNT', AGENDA, '-inf', now) / wakeups)
most = math.min(most, math.max(fewest, share))

if CALL_INTERVAL_MS > 0 then
  local free = rate_free_at()
  if free > now then
    return {{}, lapsed, math.ceil(free - now)}
  end
  most = math.min(most, math.floor((now - math.max(free, now - RATE_SLACK_MS)) / CALL_INTERVAL_MS) + 1)
end

local ids = {}
for _, mobile in ipairs(redis.call('ZRANGEBYSCORE', AGENDA, '-inf', now, 'LIMIT', 0, most)) do
  local head = redis.call('ZRANGE', LINE .. mobile, 0, 0)
  ids[#ids + 1] = head[1]
  redis.call('ZADD', AGENDA, given_up, mobile)
end
if #ids > 0 then
  redis.call('ZADD', WAKEUPS, given_up, ARGV[3])
  return {ids, lapsed, 0}
end
local first = redis.call('ZRANGE', AGENDA, 0, 0, 'WITHSCORES')
return {ids, lapsed, first[2] and math.ceil(math.max(0, tonumber(first[2]) - now)) or -1}
