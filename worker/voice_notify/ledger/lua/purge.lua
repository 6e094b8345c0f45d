-- Deletes a dead letter for good.
--   ARGV 1 id
-- Reply: 1; 0: it is not in the dead letters.
local id = ARGV[1]
if redis.call('ZREM', DEAD, id) == 0 then
  return 0
end
redis.call('DEL', NOTIFICATION .. id, LOG .. id)
redis.call('HINCRBY', COUNTS, 'dead', -1)
return 1
