-- The window check of the peers: a rolling log of a number's newest calls, as voice-notify keeps it.
--   KEYS 1 string: stamps (ms) by comma   ARGV 1 least gap, ms  2 calls in any window  3 the window, ms
-- Reply: 0, the call is granted and charged; else the ms to wait.
local gap, most, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamps = {}
for stamp in string.gmatch(redis.call('GET', KEYS[1]) or '', '%d+') do
  stamps[#stamps + 1] = tonumber(stamp)
end
local free = #stamps > 0 and stamps[#stamps] + gap or now
if #stamps >= most then
  free = math.max(free, stamps[#stamps - most + 1] + window)
end
if free > now then
  return free - now
end
stamps[#stamps + 1] = now
redis.call('SET', KEYS[1], table.concat(stamps, ',', math.max(1, #stamps - most + 1)), 'PX', window)
return 0
