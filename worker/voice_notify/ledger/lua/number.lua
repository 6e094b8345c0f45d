-- What limits one number, and its line, at one moment. Writes nothing.
--   ARGV 1 mobile  2 most notifications of its line
-- Reply: {now, call_times (by commas), hold, when the number's limits allow a call, which limit says so, how many stand in its
--        line or beside it, the first of them, each as {id, score, fields and values of its record}, the account's fields
--        and values}
local line, first = LINE .. ARGV[1], {}
local found = redis.call('ZRANGE', line, 0, tonumber(ARGV[2]) - 1, 'WITHSCORES')
for i = 1, #found, 2 do
  first[#first + 1] = {found[i], found[i + 1], redis.call('HGETALL', NOTIFICATION .. found[i])}
end
local call_times, hold, kept = limits_of(ARGV[1])
local free, reason = free_at(call_times, hold)
return {
  clock_ms(),
  kept,
  hold,
  free,
  reason,
  redis.call('ZCARD', line),
  first,
  redis.call('HGETALL', ACCOUNT),
}
