-- Ends waiting notifications whose deadline has passed.
--   ARGV 1 most notifications
-- Reply: the ids that expired. One in flight is left to its settlement.
local now = clock_ms()
local expired = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DEADLINES, '-inf', now, 'LIMIT', 0, tonumber(ARGV[1]))) do
  local record = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'state', 'reason')
  redis.call('ZREM', DEADLINES, id)
  if record[2] == 'waiting' then
    local was_head = redis.call('ZRANK', LINE .. record[1], id) == 0
    finish(id, record[1], now, 'waiting', record[3], 'expired', 'deadline')
    if was_head then
      schedule(record[1], now)
    end
    expired[#expired + 1] = id
  end
end
write_counts(now)
return expired
