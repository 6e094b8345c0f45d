-- What limits one number, and its line, at one moment. Writes nothing.
--   call   mobile; most: notifications of its line
--   reply  now; call_times, comma-separated; hold; number_free_at, limit: when the number's limits allow a call, and which of them says
--          so; open: how many stand in its line, ready or scheduled; first: the first of them, each with id, in_flight, ready_at: ms, 0 where it is, and record:
--          fields and values; pause (the breaker's), budget_pause: fields and values; due_before, rate_free_at, ms_per_call: as explain.lua
--          has them
--- @include "time"
--- @include "contract"
--- @include "place"
--- @include "windows"
--- @include "record"
--- @include "gate"
--- @include "rate"
--- @include "pace"
--- @include "turn"

local line, first = LINE .. call.mobile, {}
local found = redis.call('ZRANGE', line, 0, call.most - 1, 'WITHSCORES')
for i = 1, #found, 2 do
  local record = redis.call('HGETALL', NOTIFICATION .. found[i])
  first[#first + 1] = pack_in_line_reply{
    id = found[i], in_flight = found[i + 1] == IN_FLIGHT and 1 or 0, ready_at = ready_at_of(tonumber(found[i + 1])), record = record,
  }
end
local call_times, hold, kept = limits_of(call.mobile)
local free, limit = number_free_at(call_times, hold)
local now = clock_ms()
return pack_reply{
  now = now,
  call_times = kept,
  hold = hold,
  number_free_at = free,
  limit = limit,
  open = redis.call('ZCARD', line),
  first = first,
  pause = redis.call('HGETALL', ACCOUNT),
  budget_pause = redis.call('HGETALL', BUDGET_PAUSE),
  due_before = due_before(call.mobile, now),
  rate_free_at = rules.call_interval_ms > 0 and math.ceil(rate_free_at()) or 0,
  ms_per_call = tostring(ms_per_call(now)),
}
