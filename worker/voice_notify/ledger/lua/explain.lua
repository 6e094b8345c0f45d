-- All that is known of a notification and of what stands before it, at one moment. Writes nothing.
--   call   id
--   reply  now; record: fields and values, nil where there is no such notification; log; ready_at: ms at which it becomes ready, 0 where it is; before, behind: how many in
--          line are called before and behind it then; scheduled: each other one that is, as {ms at which it is ready, 1 | 0: before
--          it}; in_flight: id of the one in flight in its line; call_times, comma-separated; hold; number_free_at, limit: when the
--          number's limits allow a call, and which of them says so; pause: fields and values of the account's.
--- @include "clock"
--- @include "contract"
--- @include "line"
--- @include "windows"
--- @include "record"
--- @include "gate"

local LOG = P .. 'log:'
local id = call.id
local own = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'priority', 'seq')
local mobile = own[1]
if not mobile then
  return pack_reply{
    now = clock_ms(), log = {}, ready_at = 0, before = 0, behind = 0, scheduled = {}, in_flight = '', call_times = '', hold = 0,
    number_free_at = 0, limit = '', pause = {},
  }
end
local place = ready_score(tonumber(own[2] or 0), tonumber(own[3]))
local before, behind = others_in_line(mobile, place)
local found = redis.call('ZRANGEBYSCORE', LINE .. mobile, 0, '+inf', 'WITHSCORES')
local ready_at, scheduled = 0, {}
for i = 1, #found, 2 do
  local at = tonumber(found[i + 1])
  if found[i] == id then
    ready_at = at
  else
    local other = redis.call('HMGET', NOTIFICATION .. found[i], 'priority', 'seq')
    scheduled[#scheduled + 1] = {at, ready_score(tonumber(other[1] or 0), tonumber(other[2])) < place and 1 or 0}
  end
end
local head = redis.call('ZRANGE', LINE .. mobile, 0, 0, 'WITHSCORES')
local call_times, hold, kept = limits_of(mobile)
local free, limit = number_free_at(call_times, hold)
return pack_reply{
  now = clock_ms(),
  record = redis.call('HGETALL', NOTIFICATION .. id),
  log = redis.call('LRANGE', LOG .. id, 0, -1),
  ready_at = ready_at,
  before = before,
  behind = behind,
  scheduled = scheduled,
  in_flight = head[2] == IN_FLIGHT and head[1] or '',
  call_times = kept,
  hold = hold,
  number_free_at = free,
  limit = limit,
  pause = pause_fields(),
}
