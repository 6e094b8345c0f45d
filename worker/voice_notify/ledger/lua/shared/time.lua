-- The one clock of all windows, leases and deadlines, in milliseconds since the epoch: this server's, but it does not go back with it.
-- Where that one does (a step by hand, a failover to a host that lags), ours goes on from where a sweep last wrote it down, ahead of the
-- server, and runs a tenth slower until both agree again: nothing waits for the length of the step, and no window is cut short.
--- @include "clock"

local CLOCK = P .. 'clock'

-- The server's clock, how many milliseconds ours is ahead of it, and what ours was when that was written down.
local function read_clock()
  local ahead, last = string.match(redis.call('GET', CLOCK) or '', '^(%d+) (%d+)$')
  return server_ms(), tonumber(ahead or 0), tonumber(last or 0)
end

-- Now, and how many milliseconds that is ahead of the server's clock.
local function clock_ms()
  local server, ahead, last = read_clock()
  local now = math.max(server + ahead, last)
  return now, now - server
end
