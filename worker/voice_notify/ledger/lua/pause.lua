-- Pauses the account by hand: no probe is let through, it stays paused until resumed.
--   call   why: a person's text
--   reply  changed: 1, or 0 where it was paused by hand already
--- @include "time"
--- @include "contract"
--- @include "breaker"

if redis.call('HGET', ACCOUNT, 'reason') == 'manual' then
  return pack_reply{changed = 0}
end
redis.call('DEL', ACCOUNT)
pause(clock_ms(), 'manual', call.why, 0, 0)
return pack_reply{changed = 1}
