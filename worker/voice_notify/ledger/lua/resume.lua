-- Resumes the account: calls go out again at once.
--   reply  changed: 1, or 0 where it was not paused
--- @include "contract"
--- @include "breaker"

local paused = is_paused()
resume()
return pack_reply{changed = paused and 1 or 0}
