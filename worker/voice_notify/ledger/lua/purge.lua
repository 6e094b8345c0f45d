-- Deletes dead letters permanently.
--   item   id
--   reply  for each item done: 1, or 0 where it is not in the dead letters
--- @include "time"
--- @include "items"
--- @include "dead_letter"

local replies = each_item(function(item)
  if not redis.call('ZSCORE', DEAD, item.id) then
    return {done = 0}
  end
  delete_dead_letter(item.id)
  return {done = 1}
end)
write_counts(clock_ms())
return replies
