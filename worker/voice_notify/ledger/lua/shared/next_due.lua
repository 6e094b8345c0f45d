-- When the next call may begin.
--- @include "schedule"

-- The earliest moment at which something is due, and its priority; nil: nothing waits. `least`: only this priority and above.
local function next_due(least)
  local earliest, urgency
  local function look(priority, at)
    if priority < least then
      return true
    elseif not earliest or at < earliest then
      earliest, urgency = at, priority
    end
  end
  each_band(AGENDA, look)
  each_band(PROMOTIONS, look)
  return earliest, urgency
end
