-- What a pump has to do now: lines that are due, leased for a ring, and calls whose lease ran out.
--   ARGV 5 fewest lines for a ring, if so many are due  6 most lines  7 ring id  8 how long a ring may be under way, ms
--        9 rings under way per worker  10 worker name  11 how long a worker is presumed alive, ms
--        12 ms per call of max_calls_per_second (0: no limit)
-- Reply: {ids to ring, lapsed calls, ms until there is something due (-1: unknown)}
--   a lapsed call: {id, token, attempts, unconfirmed, on_unconfirmed, now}; it stays in flight until it is settled.
local now = clock_ms()
local fewest, most, given_up = tonumber(ARGV[5]), tonumber(ARGV[6]), now + tonumber(ARGV[8])

-- Said again only when half of it has passed: an idle worker does not write to disk all the time.
local alive = tonumber(ARGV[11])
if tonumber(redis.call('ZSCORE', PUMPS, ARGV[10]) or 0) < now + alive / 2 then
  redis.call('ZADD', PUMPS, now + alive, ARGV[10])
end
redis.call('ZREMRANGEBYSCORE', PUMPS, '-inf', now)

local lapsed = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', CALLING, '-inf', now, 'LIMIT', 0, most)) do
  local call = redis.call('HMGET', NOTIFICATION(id), 'token', 'attempts', 'unconfirmed', 'policy', 'mobile')
  lapsed[#lapsed + 1] = {id, call[1], call[2] or '0', call[3] or '0', call[4] or '', now}
  -- So that one pump settles it, and another does if that one dies first.
  redis.call('ZADD', CALLING, given_up, id)
  redis.call('ZADD', AGENDA, given_up, call[5])
end

local gate, look = account_gate(now)
if gate == 'closed' then
  return {{}, lapsed, look and look - now or -1}
elseif gate == 'probe' then
  most = 1
end

redis.call('ZREMRANGEBYSCORE', RINGS, '-inf', now)
local rings = tonumber(ARGV[9]) * redis.call('ZCARD', PUMPS)
if redis.call('ZCARD', RINGS) >= rings then
  return {{}, lapsed, -1}
end
-- Few lines are spread over all processes; many go in large rings, which cost Celery less.
local share = math.ceil(redis.call('ZCOUNT', AGENDA, '-inf', now) / rings)
most = math.min(most, math.max(fewest, share))

local interval = tonumber(ARGV[12])
if interval > 0 then
  local free = rate_free_at(interval)
  if free > now then
    return {{}, lapsed, math.ceil(free - now)}
  end
  most = math.min(most, math.floor((now - math.max(free, now - rate_slack(interval))) / interval) + 1)
end

local ids = {}
for _, mobile in ipairs(redis.call('ZRANGEBYSCORE', AGENDA, '-inf', now, 'LIMIT', 0, most)) do
  local head = redis.call('ZRANGE', LINE(mobile), 0, 0)
  ids[#ids + 1] = head[1]
  redis.call('ZADD', AGENDA, given_up, mobile)
end
if #ids > 0 then
  redis.call('ZADD', RINGS, given_up, ARGV[7])
  return {ids, lapsed, 0}
end
local first = redis.call('ZRANGE', AGENDA, 0, 0, 'WITHSCORES')
return {ids, lapsed, first[2] and math.ceil(math.max(0, tonumber(first[2]) - now)) or -1}
