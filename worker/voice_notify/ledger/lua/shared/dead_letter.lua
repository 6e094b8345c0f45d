-- A dead letter goes.
--- @include "transitions"

-- With its idempotency key, unless that is another's by now.
local function delete_dead_letter(id)
  local key = redis.call('HGET', NOTIFICATION .. id, 'key')
  redis.call('ZREM', DEAD, id)
  redis.call('DEL', NOTIFICATION .. id, LOG .. id)
  if key and redis.call('GET', KEY .. key) == id then
    redis.call('DEL', KEY .. key)
  end
  count(counts, 'dead', -1)
end
