-- The ways of a notification from one state to another, and its history.
--- @include "record"
--- @include "counters"
--- @include "line"

local LOG, DEAD, ENDED, KEY = P .. 'log:', P .. 'dead', P .. 'ended:', P .. 'key:'

-- Event, the state it starts from, the state it leads to; `domain/states.py` has the same table.
local TRANSITIONS = {
  ['grant waiting calling'] = true,
  ['settle calling waiting'] = true,
  ['settle calling accepted'] = true,
  ['settle calling dead'] = true,
  ['settle calling expired'] = true,
  ['settle calling cancelled'] = true,
  ['late_success waiting accepted'] = true,
  ['expire waiting expired'] = true,
  ['cancel waiting cancelled'] = true,
  ['replay dead waiting'] = true,
}

local function may_move(event, from, to)
  return TRANSITIONS[event .. ' ' .. tostring(from) .. ' ' .. to]
end

local function log(id, now, state, reason, detail)
  redis.call('RPUSH', LOG .. id, table.concat({now, state, reason, detail or ''}, '\t'))
end

-- `was` is the reason of a waiting one, nil if it was not waiting. What follows `detail` are fields and values to set.
local function move(event, id, now, from, was, to, reason, detail, ...)
  if not may_move(event, from, to) then
    error(event .. ' does not lead from ' .. tostring(from) .. ' to ' .. to)
  end
  redis.call('HSET', NOTIFICATION .. id, 'state', to, 'reason', reason, ...)
  count(counts, was and 'waiting:' .. was or from, -1)
  count(counts, to == 'waiting' and 'waiting:' .. reason or to, 1)
  log(id, now, to, reason, detail)
end

-- The one way into a final state.
local function finish(event, id, mobile, now, from, was, to, reason, detail, ...)
  move(event, id, now, from, was, to, reason, detail, 'ended', now, ...)
  count(totals, 'final:' .. to .. ':' .. reason, 1)
  redis.call('ZREM', LINE .. mobile, id)
  redis.call('ZREM', DEADLINES, id)
  if to == 'dead' then
    redis.call('ZADD', DEAD, now, id)
  else
    redis.call('PEXPIRE', NOTIFICATION .. id, rules.retention_ms)
    redis.call('PEXPIRE', LOG .. id, rules.retention_ms)
    local key = redis.call('HGET', NOTIFICATION .. id, 'key')
    if key then
      redis.call('PEXPIRE', KEY .. key, rules.retention_ms)
    end
    local index = ENDED .. to .. ':' .. day_of(now)
    redis.call('RPUSH', index, id)
    redis.call('PEXPIRE', index, rules.retention_ms) -- so it goes with the newest in it
  end
end
