-- The one clock of all windows, leases and deadlines: this server's, in milliseconds since the epoch.

local function clock_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
