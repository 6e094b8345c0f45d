-- Withdraws a notification.
--   ARGV 1 id
-- Reply: its state before: 'waiting' is cancelled now; 'calling' cannot be called back, but will not be called again;
--        a final state stays. False: no such notification.
local id = ARGV[1]
local record = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'state', 'override', 'reason')
local mobile, state = record[1], record[2]
local now = clock_ms()
if state == 'waiting' then
  local was_head = redis.call('ZRANK', LINE .. mobile, id) == 0
  finish(id, mobile, now, 'waiting', record[4], 'cancelled', 'cancelled')
  if was_head then
    schedule(mobile, now)
  end
  write_counts(now)
elseif state == 'calling' and not record[3] then
  redis.call('HSET', NOTIFICATION .. id, 'override', 'cancelled')
  log(id, now, 'calling', 'cancel', 'asked for during the call')
end
return state
