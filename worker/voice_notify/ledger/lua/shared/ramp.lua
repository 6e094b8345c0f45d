-- After an outage the calls come back little by little: those that have begun since may double each second.

local RAMP = P .. 'ramp'
local RAMP_FIRST, RAMP_MS, RAMP_LOOK_MS = 4, 10000, 100

local function begin_ramp(now)
  redis.call('HSET', RAMP, 'since', now, 'begun', 0)
  redis.call('PEXPIRE', RAMP, RAMP_MS)
end

-- How many more may begin now; infinite where there was no outage lately.
local function ramp_room(now)
  local ramp = redis.call('HMGET', RAMP, 'since', 'begun')
  if not ramp[1] then
    return math.huge
  end
  return math.floor(RAMP_FIRST * 2 ^ ((now - ramp[1]) / 1000)) - ramp[2]
end

local function use_ramp(calls)
  redis.call('HINCRBY', RAMP, 'begun', calls)
end
