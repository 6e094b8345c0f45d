-- max_calls_per_second, as a token bucket of so many ms, so that calls may go in small groups where they are many.

local RATE = P .. 'rate'
local RATE_SLACK_MS = rules.call_interval_ms < 50 and 50 or 0

-- When the next call is allowed by it.
local function rate_free_at()
  return tonumber(redis.call('GET', RATE) or 0) - RATE_SLACK_MS
end

-- Uses up the time of one call.
local function use_rate(now, free)
  local used_up = math.max(now, free + RATE_SLACK_MS) + rules.call_interval_ms
  redis.call('SET', RATE, used_up, 'PX', 1000 + math.ceil(rules.call_interval_ms))
end
