-- Where a number stands on the agenda, as its line has it.
--- @include "agenda"
--- @include "walk"
--- @include "windows"
--- @include "record"
--- @include "counters"

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

local function priority_of_ready(score)
  return 9 - math.floor((score - READY) / READY_BAND)
end

-- While a call is in flight its number is last on the agenda, at the end of its lease: its settlement comes before.
local function put_in_flight(mobile, lease)
  redis.call('ZADD', AGENDA, banded(0, lease), mobile)
end

-- When a head that is ready was first due: its age counts from there, however often it was deferred.
local function due_since(id, free)
  local found = redis.call('HMGET', NOTIFICATION .. id, 'ready_at', 'created')
  return math.max(tonumber(found[1] or found[2] or 0), free)
end

-- Whether one candidate is called before another: it can be called sooner, or, as of those that are due, is more urgent, or due for
-- longer.
local function is_before(one, other, now)
  local at, other_at = math.max(one.at, now), math.max(other.at, now)
  if at ~= other_at then
    return at < other_at
  elseif one.priority ~= other.priority then
    return one.priority > other.priority
  end
  return one.at < other.at
end

local function first_of(candidates, now)
  local first = candidates[1]
  for i = 2, #candidates do
    if is_before(candidates[i], first, now) then
      first = candidates[i]
    end
  end
  return first
end

-- Puts the number where its line says; takes it off where nothing waits.
local function schedule(mobile, now)
  local line = LINE .. mobile
  local first = redis.call('ZRANGE', line, 0, 1, 'WITHSCORES')
  local head, score = first[1], tonumber(first[2] or nil)
  if not head then
    redis.call('ZREM', AGENDA, mobile)
    redis.call('ZREM', PROMOTIONS, mobile)
    return
  elseif first[2] == IN_FLIGHT then
    put_in_flight(mobile, tonumber(redis.call('HGET', NOTIFICATION .. head, 'lease') or now)) -- none: `grant` finds out
    return
  end
  local free, limit = number_free_at(limits_of(mobile))
  local candidates = {}
  if score < 0 then
    candidates[1] = {priority = priority_of_ready(score), at = free > now and free or due_since(head, free)}
    if free > now then
      wait_for(head, limit)
    end
  end
  if score > 0 or #first > 2 then
    each_band(line, function(priority, ready_at)
      candidates[#candidates + 1] = {priority = priority, at = math.max(ready_at, free)}
    end)
  end
  local next_one = first_of(candidates, now)
  put_on_agenda(mobile, next_one.priority, next_one.at, now)
  local more_urgent = {}
  for _, each in ipairs(candidates) do
    if each.priority > next_one.priority then
      more_urgent[#more_urgent + 1] = each
    end
  end
  if more_urgent[1] then
    local promotion = first_of(more_urgent, now)
    redis.call('ZADD', PROMOTIONS, banded(promotion.priority, promotion.at), mobile)
    wake_for(promotion.priority, promotion.at, now)
  end
end
