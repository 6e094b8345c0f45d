-- Ends the lease of lines that were claimed for a wake-up and could not be begun: they are due again as they were.
--   item   id: names a line
--   reply  for each item nothing
--- @include "clock"
--- @include "items"
--- @include "agenda"

local now = clock_ms()
local replies = each_item(function(item)
  local mobile = redis.call('HGET', NOTIFICATION .. item.id, 'mobile')
  if mobile then
    schedule(mobile, now)
  end
  return {}
end)
write_counts(now)
return replies
