-- What limits one number, and its line, at one moment. Writes nothing.
--   call   mobile; most: notifications of its line
--   reply  now; call_times, comma-separated; hold; number_free_at, limit: when the number's limits allow a call, and which of them says
--          so; open: how many stand in its line, ready or scheduled; first: the first of them, each with id, in_flight, ready_at: ms, 0 where it is, and record:
--          fields and values; pause (the breaker's), budget_pause: fields and values
--- @include "time"
--- @include "contract"
--- @include "place"
--- @include "windows"
--- @include "record"
--- @include "gate"

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
return pack_reply{
  now = clock_ms(),
  call_times = kept,
  hold = hold,
  number_free_at = free,
  limit = limit,
  open = redis.call('ZCARD', line),
  first = first,
  pause = redis.call('HGETALL', ACCOUNT),
  budget_pause = redis.call('HGETALL', BUDGET_PAUSE),
}
