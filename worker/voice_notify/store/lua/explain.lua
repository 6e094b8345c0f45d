-- All that is known of a notification and of what stands before it, at one moment. Writes nothing.
--   ARGV 5 id
-- Reply: {now, fields and values of its record, its log, score in its line, how many are before it, id in flight in its
--        line, stamps (by commas), hold, when the number's limits allow a call, which limit says so, the account's fields
--        and values}; false: no such notification.
local id = ARGV[5]
local mobile = redis.call('HGET', NOTIFICATION(id), 'mobile')
if not mobile then
  return false
end
local score = redis.call('ZSCORE', LINE(mobile), id)
local head = redis.call('ZRANGE', LINE(mobile), 0, 0, 'WITHSCORES')
local free, reason = free_at(mobile)
return {
  clock_ms(),
  redis.call('HGETALL', NOTIFICATION(id)),
  redis.call('LRANGE', LOG(id), 0, -1),
  score or '',
  score and score ~= IN_FLIGHT and redis.call('ZCOUNT', LINE(mobile), '(-inf', '(' .. score) or 0,
  head[2] == IN_FLIGHT and head[1] or '',
  redis.call('GET', CALLS(mobile)) or '',
  redis.call('GET', HOLD(mobile)) or '0',
  free,
  reason,
  redis.call('HGETALL', ACCOUNT),
}
