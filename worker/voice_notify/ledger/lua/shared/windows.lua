-- The windows of one number: the gap between two calls, how many calls in a day, and the hold after a 606.
-- Only the newest call times are kept: a rolling log.

local CALLS, HOLD = P .. 'calls:', P .. 'hold:'

-- What limits a number: the times of its newest calls, oldest first; when a 606 lets go of it; the call times as kept.
local function limits_of(mobile)
  local found = redis.call('MGET', CALLS .. mobile, HOLD .. mobile)
  local call_times, kept = {}, found[1] or ''
  if found[1] then
    for call_time in string.gmatch(kept, '%d+') do
      call_times[#call_times + 1] = tonumber(call_time)
    end
  end
  return call_times, tonumber(found[2] or 0), kept
end

-- The moment from which a number's own limits allow a call, and which of them speaks.
local function number_free_at(call_times, hold)
  local at, reason = 0, 'new'
  if #call_times > 0 then
    at, reason = call_times[#call_times] + rules.gap_ms, 'gap'
  end
  if #call_times >= rules.max_calls then
    local daily = call_times[#call_times - rules.max_calls + 1] + rules.window_ms
    if daily > at then
      at, reason = daily, 'daily'
    end
  end
  if hold > at then
    at, reason = hold, 'quota'
  end
  return at, reason
end
