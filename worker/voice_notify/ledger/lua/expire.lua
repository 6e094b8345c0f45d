-- Ends waiting notifications whose deadline has passed. One in flight is left to its settlement.
--   call   most: notifications
--   reply  ids: those that expired
--- @include "clock"
--- @include "contract"
--- @include "agenda"
--- @include "transitions"

local now = clock_ms()
local expired = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', DEADLINES, '-inf', now, 'LIMIT', 0, call.most)) do
  local record = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'state', 'reason')
  redis.call('ZREM', DEADLINES, id)
  if record[1] and record[3] and may_move('expire', record[2], 'expired') then
    local was_head = redis.call('ZRANK', LINE .. record[1], id) == 0
    finish('expire', id, record[1], now, record[2], record[3], 'expired', 'deadline')
    if was_head then
      schedule(record[1], now)
    end
    expired[#expired + 1] = id
  end
end
write_counts(now)
return pack_reply{ids = expired}
