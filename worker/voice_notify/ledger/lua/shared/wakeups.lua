-- Wake-ups: a process that has nothing to do blocks on these lists, and each entry wakes one, which looks for itself. One entry is
-- enough: whoever takes as much as it can wakes the next.

local WAKE = {ordinary = P .. 'wake', urgent = P .. 'wake:urgent'}
-- A sweep looks again after this (ms), and wakes for what becomes due later.
local LONGEST_SLEEP_MS = 1000

-- Who is to be woken when the script ends.
local to_wake = {}

local function wake_for(priority, at, now)
  if at - now <= LONGEST_SLEEP_MS then
    to_wake[priority >= rules.urgent_priority and 'urgent' or 'ordinary'] = true
  end
end

local function wake_all()
  to_wake.ordinary, to_wake.urgent = true, true
end

-- They are hints: a damaged list costs time, and fails nothing that a script has done. `is_useless` says, where anybody would be woken,
-- whether that is of no use.
local function send_wakeups(is_useless)
  for kind in pairs(to_wake) do
    if redis.pcall('LLEN', WAKE[kind]) == 0 and not (is_useless and is_useless()) then
      redis.call('LPUSH', WAKE[kind], '1')
    end
  end
end
