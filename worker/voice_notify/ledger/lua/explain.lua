-- All that is known of a notification and of what stands before it, at one moment. Writes nothing.
--   ARGV 1 id
-- Reply: {now, fields and values of its record, its log, ms at which it joins its line, how many in line are called before
--        and behind it then, for each other that waits beside the line {ms at which it joins, 1 | 0: before it},
--        id in flight in its line, call_times (by commas), hold, when the number's limits allow a call, which limit says so,
--        the account's fields and values}; false: no such notification.
local id = ARGV[1]
local own = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'priority', 'seq')
local mobile = own[1]
if not mobile then
  return false
end
local place = ready_score(tonumber(own[2] or 0), tonumber(own[3]))
local before, behind = others_in_line(mobile, place)
local beside = redis.call('ZRANGEBYSCORE', LINE .. mobile, 0, '+inf', 'WITHSCORES')
local joins, joining = 0, {}
for i = 1, #beside, 2 do
  local at = tonumber(beside[i + 1])
  if beside[i] == id then
    joins = at
  else
    local other = redis.call('HMGET', NOTIFICATION .. beside[i], 'priority', 'seq')
    joining[#joining + 1] = {at, ready_score(tonumber(other[1] or 0), tonumber(other[2])) < place and 1 or 0}
  end
end
local head = redis.call('ZRANGE', LINE .. mobile, 0, 0, 'WITHSCORES')
local call_times, hold, kept = limits_of(mobile)
local free, reason = free_at(call_times, hold)
return {
  clock_ms(),
  redis.call('HGETALL', NOTIFICATION .. id),
  redis.call('LRANGE', LOG .. id, 0, -1),
  joins,
  before,
  behind,
  joining,
  head[2] == IN_FLIGHT and head[1] or '',
  kept,
  hold,
  free,
  reason,
  redis.call('HGETALL', ACCOUNT),
}
