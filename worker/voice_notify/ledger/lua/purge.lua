-- Deletes dead letters permanently.
--   item   id
--   reply  for each item done: 1, or 0 where it is not in the dead letters
--- @include "time"
--- @include "items"
--- @include "record"

local LOG, DEAD, KEY = P .. 'log:', P .. 'dead', P .. 'key:'

local replies = each_item(function(item)
  if redis.call('ZREM', DEAD, item.id) == 0 then
    return {done = 0}
  end
  local key = redis.call('HGET', NOTIFICATION .. item.id, 'key')
  redis.call('DEL', NOTIFICATION .. item.id, LOG .. item.id)
  if key and redis.call('GET', KEY .. key) == item.id then
    redis.call('DEL', KEY .. key)
  end
  count(counts, 'dead', -1)
  return {done = 1}
end)
write_counts(clock_ms())
return replies
