-- How the account stands, at one moment. Writes nothing.
-- Reply: {now, fields and values of its pause, fields and values of its counts, numbers that are due and not yet begun,
--        numbers refused in a row, the code of those refusals, names of the workers alive, billing units spent today}
local now = clock_ms()
return {
  now,
  redis.call('HGETALL', ACCOUNT),
  redis.call('HGETALL', COUNTS),
  redis.call('ZCOUNT', AGENDA, '-inf', now),
  redis.call('SCARD', RUN),
  redis.call('GET', RUN_CODE) or '',
  redis.call('ZRANGEBYSCORE', HEARTBEATS, now, '+inf'),
  tonumber(redis.call('GET', SPENT .. day_of(now)) or 0),
}
