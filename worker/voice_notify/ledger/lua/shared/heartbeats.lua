-- The workers that are alive: each says so from time to time.

local HEARTBEATS = P .. 'heartbeats'

-- Said again only when half of it has passed: an idle worker does not write to disk all the time.
local function beat(worker, now)
  if tonumber(redis.call('ZSCORE', HEARTBEATS, worker) or 0) < now + rules.worker_ttl_ms / 2 then
    redis.call('ZADD', HEARTBEATS, now + rules.worker_ttl_ms, worker)
  end
  redis.call('ZREMRANGEBYSCORE', HEARTBEATS, '-inf', now)
end
