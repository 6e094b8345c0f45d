-- The agenda: each number with open work once, at the time when its line next needs attention.
--- @include "line"
--- @include "windows"
--- @include "record"
--- @include "counters"

local AGENDA = P .. 'agenda'

-- The head of a line waits for a limit of its number, which is then its reason where there was no better one.
local BLANK = {new = true, gap = true, daily = true}
local function wait_for(id, limit)
  local reason = redis.call('HGET', NOTIFICATION .. id, 'reason')
  if BLANK[reason] and reason ~= limit then
    redis.call('HSET', NOTIFICATION .. id, 'reason', limit)
    count(counts, 'waiting:' .. reason, -1)
    count(counts, 'waiting:' .. limit, 1)
  end
end

-- Puts the number on the agenda at the time when its line next needs attention; takes an empty line off.
local function schedule(mobile, now)
  local head = redis.call('ZRANGE', LINE .. mobile, 0, 0, 'WITHSCORES')
  if #head == 0 then
    redis.call('ZREM', AGENDA, mobile)
    return
  end
  local at
  if head[2] == IN_FLIGHT then
    at = tonumber(redis.call('HGET', NOTIFICATION .. head[1], 'lease'))
  else
    local free, limit = number_free_at(limits_of(mobile))
    at = math.max(now, tonumber(head[2]), free)
    if free > now and tonumber(head[2]) < 0 then
      wait_for(head[1], limit)
    end
  end
  redis.call('ZADD', AGENDA, at, mobile)
end
