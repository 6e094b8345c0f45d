-- The account at one moment. Writes nothing.
--   reply  now; pause (the breaker's), budget_pause, counts: fields and values; due: numbers that are due and not yet begun; run: numbers refused in a row;
--          run_code: with this code; workers: names of those alive; spent: billing units of today's calls
--- @include "clock"
--- @include "contract"
--- @include "counters"
--- @include "breaker"
--- @include "budget"
--- @include "heartbeats"

local now = clock_ms()
return pack_reply{
  now = now,
  pause = redis.call('HGETALL', ACCOUNT),
  budget_pause = redis.call('HGETALL', BUDGET_PAUSE),
  counts = redis.call('HGETALL', COUNTS),
  due = redis.call('ZCOUNT', P .. 'agenda', '-inf', now),
  run = redis.call('SCARD', RUN),
  run_code = redis.call('GET', RUN_CODE) or '',
  workers = redis.call('ZRANGEBYSCORE', HEARTBEATS, now, '+inf'),
  spent = spent_on(now),
}
