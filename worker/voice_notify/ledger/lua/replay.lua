-- Takes a dead letter back into its line, as if submitted now: attempts are counted anew.
--   ARGV 1 id  2 expires, ms from now (0: never)  3 '1': also if its phone rang, as a late success said
-- Reply: 1; 0: it is not in the dead letters, or rang.
local id, expires = ARGV[1], tonumber(ARGV[2])
if not redis.call('ZSCORE', DEAD, id) then
  return 0
elseif ARGV[3] ~= '1' and redis.call('HEXISTS', NOTIFICATION .. id, 'call_id') == 1 then
  return 0
end
local now = clock_ms()
local record = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'priority')
local seq = redis.call('INCR', SEQUENCE)
redis.call('ZREM', DEAD, id)
redis.call('HDEL', NOTIFICATION .. id, 'attempts', 'unconfirmed', 'token', 'deadline', 'ended')
if expires > 0 then
  redis.call('HSET', NOTIFICATION .. id, 'deadline', now + expires)
  redis.call('ZADD', DEADLINES, now + expires, id)
end
move(id, now, 'dead', nil, 'waiting', 'new', 'replayed', 'seq', seq, 'ready', now)
count(totals, 'replayed', 1)
redis.call('ZADD', LINE .. record[1], ready_score(tonumber(record[2] or 0), seq), id)
if redis.call('ZRANK', LINE .. record[1], id) == 0 then
  schedule(record[1], now)
end
write_counts(now)
return 1
