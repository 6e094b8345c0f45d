-- The clock of `time.lua`, kept.
--- @include "time"

-- So much of the time that passes is left out while ours is ahead; it is written down in steps (ms), however many workers sweep.
local CATCH_UP, STEP_MS = 0.1, 100

-- Writes down that time goes on; answers as `clock_ms`. Between two of these our clock stands still after a step back.
local function keep_time()
  local server, ahead, last = read_clock()
  local now = math.max(server + ahead, last)
  if math.abs(server + ahead - last) >= STEP_MS then
    local left_out = math.min(STEP_MS, math.floor((now - last) * CATCH_UP))
    redis.call('SET', CLOCK, string.format('%.0f %.0f', math.max(0, now - server - left_out), now))
  end
  return now, now - server
end
