-- All that is known of a notification and of what stands before it, at one moment. Writes nothing.
--   call   id
--   reply  now; record: fields and values, nil where there is no such notification; log; ready_at: ms at which it becomes ready, 0 where it is; before, behind: how many in
--          line are called before and behind it then; scheduled: the earliest of the others that are, as {ms at which it is ready, 1 | 0: before
--          it}; in_flight: id of the one in flight in its line; call_times, comma-separated; hold; number_free_at, limit: when the
--          number's limits allow a call, and which of them says so; pause (the breaker's), budget_pause: fields and values; due_before:
--          numbers that are due and called before this one, nil: this one is not due; calling: calls in flight; rate_free_at: when
--          `max_calls_per_second` allows the next call; ms_per_call: by the pace of the last seconds, 0: not known
--- @include "time"
--- @include "contract"
--- @include "place"
--- @include "windows"
--- @include "record"
--- @include "gate"
--- @include "rate"
--- @include "pace"
--- @include "turn"

local LOG = P .. 'log:'
-- So many of those that are scheduled, of each priority, are told: the earliest.
local MOST_SCHEDULED = 20
local id = call.id
local own = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'priority', 'seq')
local mobile = own[1]
if not mobile then
  return pack_reply{
    now = clock_ms(), log = {}, ready_at = 0, before = 0, behind = 0, scheduled = {}, in_flight = '', call_times = '', hold = 0,
    number_free_at = 0, limit = '', pause = {}, budget_pause = {}, calling = 0, rate_free_at = 0, ms_per_call = '0',
  }
end
local place = ready_score(tonumber(own[2] or 0), tonumber(own[3]))
local before, behind = others_in_line(mobile, place)
local line = LINE .. mobile
local ready_at, scheduled = ready_at_of(tonumber(redis.call('ZSCORE', line, id) or 0)), {}
each_band(line, function(priority)
  local others = due_in_band(line, priority, BAND - 1, MOST_SCHEDULED, 'WITHSCORES')
  for i = 1, #others, 2 do
    if others[i] ~= id then
      local other = redis.call('HMGET', NOTIFICATION .. others[i], 'priority', 'seq')
      local goes_before = ready_score(tonumber(other[1] or 0), tonumber(other[2])) < place
      scheduled[#scheduled + 1] = {ready_at_of(tonumber(others[i + 1])), goes_before and 1 or 0}
    end
  end
end)
local head = redis.call('ZRANGE', LINE .. mobile, 0, 0, 'WITHSCORES')
local call_times, hold, kept = limits_of(mobile)
local free, limit = number_free_at(call_times, hold)
local now = clock_ms()
return pack_reply{
  now = now,
  record = redis.call('HGETALL', NOTIFICATION .. id),
  log = redis.call('LRANGE', LOG .. id, 0, -1),
  ready_at = ready_at,
  before = before,
  behind = behind,
  scheduled = scheduled,
  in_flight = head[2] == IN_FLIGHT and head[1] or '',
  call_times = kept,
  hold = hold,
  number_free_at = free,
  limit = limit,
  pause = redis.call('HGETALL', ACCOUNT),
  budget_pause = redis.call('HGETALL', BUDGET_PAUSE),
  due_before = due_before(mobile, now),
  calling = redis.call('ZCARD', P .. 'calling'),
  rate_free_at = rules.call_interval_ms > 0 and math.ceil(rate_free_at()) or 0,
  ms_per_call = tostring(ms_per_call(now)),
}
