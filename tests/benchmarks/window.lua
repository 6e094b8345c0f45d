-- The window check of the peers: a rolling log of a number's newest calls, as voice-notify keeps it.
--   KEYS 1 string: call_times (ms) by comma   ARGV 1 least gap, ms  2 calls in any window  3 the window, ms
-- Reply: 0, the call is granted and charged; else the ms to wait.
local gap, most, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local call_times = {}
for call_time in string.gmatch(redis.call('GET', KEYS[1]) or '', '%d+') do
  call_times[#call_times + 1] = tonumber(call_time)
end
local free = #call_times > 0 and call_times[#call_times] + gap or now
if #call_times >= most then
  free = math.max(free, call_times[#call_times - most + 1] + window)
end
if free > now then
  return free - now
end
call_times[#call_times + 1] = now
redis.call('SET', KEYS[1], table.concat(call_times, ',', math.max(1, #call_times - most + 1)), 'PX', window)
return 0
