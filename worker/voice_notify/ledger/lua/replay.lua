-- Takes dead letters back into their lines, as if submitted now: attempts are counted anew, and the id of an earlier call is dropped.
--   call   expires: ms from now, 0: never; include_called: 1 also those whose phone rang, as a late success said
--   item   id
--   reply  for each item status: 'replayed' | 'absent', it is not in the dead letters | 'called', it rang | 'full'
--- @include "time"
--- @include "items"
--- @include "schedule"
--- @include "transitions"

local SEQUENCE = P .. 'sequence'
local now = clock_ms()

local function replay(item)
  local id = item.id
  if not redis.call('ZSCORE', DEAD, id) then
    return {status = 'absent'}
  elseif call.include_called ~= 1 and redis.call('HEXISTS', NOTIFICATION .. id, 'call_id') == 1 then
    return {status = 'called'}
  end
  local record = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'priority', 'state')
  local mobile, priority, state = record[1], tonumber(record[2] or 0), record[3]
  if not mobile or not may_move('replay', state, 'waiting') then
    error('the record of ' .. id .. ' is not that of a dead letter')
  end
  if redis.call('ZCARD', LINE .. mobile) >= rules.max_line then
    return {status = 'full'}
  end
  local seq = redis.call('INCR', SEQUENCE)
  redis.call('ZREM', DEAD, id)
  redis.call('HDEL', NOTIFICATION .. id, 'attempts', 'unconfirmed', 'token', 'deadline', 'ended', 'call_id', 'task_no')
  if call.expires > 0 then
    redis.call('HSET', NOTIFICATION .. id, 'deadline', now + call.expires)
    redis.call('ZADD', DEADLINES, now + call.expires, id)
  end
  move('replay', id, now, state, nil, 'waiting', 'new', 'replayed', 'seq', seq, 'ready_at', now)
  count(totals, 'replayed', 1)
  redis.call('ZADD', LINE .. mobile, ready_score(priority, seq), id)
  schedule(mobile, now)
  return {status = 'replayed'}
end

local replies = each_item(replay)
write_counts(now)
send_wakeups()
return replies
