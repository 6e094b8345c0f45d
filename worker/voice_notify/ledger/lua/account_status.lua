-- The account at one moment. Writes nothing.
--   reply  now; pause (the breaker's), budget_pause, counts: fields and values; due: numbers that are due and not yet begun; run: numbers
--          in a row that met the same failure; run_code: its code, or 'unreachable' | 'maintenance'; workers: names of those alive; spent:
--          billing units of today's calls
--- @include "time"
--- @include "contract"
--- @include "walk"
--- @include "counters"
--- @include "breaker"
--- @include "budget"
--- @include "heartbeats"

local now = clock_ms()
local due = 0
each_band(P .. 'agenda', function(priority)
  due = due + redis.call('ZCOUNT', P .. 'agenda', exactly(banded(priority, 0)), exactly(banded(priority, now)))
end)
return pack_reply{
  now = now,
  pause = redis.call('HGETALL', ACCOUNT),
  budget_pause = redis.call('HGETALL', BUDGET_PAUSE),
  counts = redis.call('HGETALL', COUNTS),
  due = due,
  run = redis.call('SCARD', RUN),
  run_code = redis.call('GET', RUN_CODE) or '',
  workers = redis.call('ZRANGEBYSCORE', HEARTBEATS, now, '+inf'),
  spent = spent_on(now),
}
