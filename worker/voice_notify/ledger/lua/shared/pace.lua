-- How fast calls begin, measured over some seconds: for estimates of when those that are due will be called.

local PACE, PACE_MS = P .. 'pace', 10000

-- When the measurement that runs began, how many calls had begun by then, and the pace of the one before, in calls per ms.
local function kept_pace()
  local since, begun, pace = string.match(redis.call('GET', PACE) or '', '^(%d+) (%d+) (%S+)$')
  return tonumber(since or nil), tonumber(begun or 0), tonumber(pace or 0)
end

local function calls_begun()
  return tonumber(redis.call('HGET', P .. 'totals', 'begun') or 0)
end

-- Ends the measurement that runs, if it is long enough, and begins the next.
local function keep_pace(now)
  local since, begun = kept_pace()
  if since and now - since < PACE_MS then
    return
  end
  local so_far = calls_begun()
  local pace = since and (so_far - begun) / (now - since) or 0
  redis.call('SET', PACE, string.format('%.0f %.0f %.6f', now, so_far, pace), 'PX', 6 * PACE_MS)
end

-- Milliseconds from one call's beginning to the next; 0: nothing was called lately.
local function ms_per_call(now)
  local since, begun, pace = kept_pace()
  if since and now > since then
    pace = math.max(pace, (calls_begun() - begun) / (now - since))
  end
  return pace > 0 and 1 / pace or 0
end
