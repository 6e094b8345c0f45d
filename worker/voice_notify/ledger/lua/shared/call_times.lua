-- The times of a number's newest calls, counted and written down.
--- @include "windows"

local function keep_call_times(mobile, call_times)
  if #call_times == 0 then
    redis.call('DEL', CALLS .. mobile)
    return
  end
  local newest = table.concat(call_times, ',', math.max(1, #call_times - rules.max_calls + 1))
  redis.call('SET', CALLS .. mobile, newest, 'PX', math.max(rules.gap_ms, rules.window_ms))
end
