-- Deletes dead letters permanently.
--   item   id
--   reply  for each item done: 1, or 0 where it is not in the dead letters
--- @include "clock"
--- @include "items"
--- @include "record"

local LOG, DEAD = P .. 'log:', P .. 'dead'

local replies = each_item(function(item)
  if redis.call('ZREM', DEAD, item.id) == 0 then
    return {done = 0}
  end
  redis.call('DEL', NOTIFICATION .. item.id, LOG .. item.id)
  count(counts, 'dead', -1)
  return {done = 1}
end)
write_counts(clock_ms())
return replies
