-- The agenda: each number with open work once, by the priority of what is called next, then by the time when it can be called. What is
-- due stands in the order in which it is called. The promotions: numbers whose place is to be found anew at a time, because something in
-- their line becomes ready that may be more urgent.
--- @include "line"
--- @include "wakeups"

local AGENDA, PROMOTIONS = P .. 'agenda', P .. 'promotions'

local function put_on_agenda(mobile, priority, at, now)
  redis.call('ZADD', AGENDA, banded(priority, at), mobile)
  wake_for(priority, at, now)
end

-- Has the number's place found anew then, or earlier as planned, and among those of that priority, or a higher one as planned.
local function look_again(mobile, priority, at, now)
  local planned = redis.call('ZSCORE', PROMOTIONS, mobile)
  local earlier, higher = at, priority
  if planned then
    earlier, higher = math.min(at, planned % BAND), math.max(priority, 9 - math.floor(planned / BAND))
  end
  redis.call('ZADD', PROMOTIONS, banded(higher, earlier), mobile)
  wake_for(priority, at, now)
end
