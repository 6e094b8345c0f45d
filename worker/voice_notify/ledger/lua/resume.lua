-- Resumes the account, whatever holds it: calls go out again at once. A budget that is still spent pauses it again.
--   reply  changed: 1, or 0 where it was not paused
--- @include "contract"
--- @include "breaker"

local paused = is_paused()
resume()
redis.call('DEL', BUDGET_PAUSE)
send_wakeups()
return pack_reply{changed = paused and 1 or 0}
