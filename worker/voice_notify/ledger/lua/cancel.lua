-- Withdraws a notification.
--   call   id
--   reply  state: the one before: 'waiting' is cancelled now; 'calling' cannot be called back, but will not be called again; a final
--          state stays. None: no such notification.
--- @include "time"
--- @include "contract"
--- @include "schedule"
--- @include "transitions"

local id = call.id
local record = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'state', 'override', 'reason')
local mobile, state, override, reason = record[1], record[2], record[3], record[4]
local now = clock_ms()
if may_move('cancel', state, 'cancelled') then
  finish('cancel', id, mobile, now, state, reason, 'cancelled', 'cancelled')
  schedule(mobile, now)
  write_counts(now)
  send_wakeups()
elseif state == 'calling' and not override then
  redis.call('HSET', NOTIFICATION .. id, 'override', 'cancelled')
  log(id, now, 'calling', 'cancel', 'asked for during the call')
end
return pack_reply{state = state}
