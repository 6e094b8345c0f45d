-- Takes notifications into the ledger and into their numbers' lines, each once per id and idempotency key.
--   item   id, mobile, template, params (JSON); priority, nil: 0; countdown: ms, nil: none; expires: ms from now, 0: never, nil: as the rules have it;
--          policy: its own on_unconfirmed; key; units: what a call costs, nil: 1
--   reply  for each item status: 'stored' | 'duplicate' | 'conflict', its id or key is known with another number, template or
--          variables | 'full'; id; state: of the one that is known
--- @include "time"
--- @include "items"
--- @include "agenda"
--- @include "windows"
--- @include "record"
--- @include "pauses"

local KEY, SEQUENCE = P .. 'key:', P .. 'sequence'
local now = clock_ms()

local function not_stored(status, id, state)
  return {status = status, id = id, state = state}
end

-- The notification whose id or key the item has: it is the same one, or the item would be lost without a word.
local function known(id, item)
  local of = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'template', 'params', 'state')
  if of[1] ~= item.mobile or of[2] ~= item.template or of[3] ~= item.params then
    return not_stored('conflict', '')
  end
  return not_stored('duplicate', id, of[4])
end

local function append(fields, name, value)
  local last = #fields
  fields[last + 1], fields[last + 2] = name, value
end

local function submit(item)
  local id, mobile, priority = item.id, item.mobile, item.priority or 0
  local record, line = NOTIFICATION .. id, LINE .. mobile
  if redis.call('EXISTS', record) == 1 then
    return known(id, item)
  end
  if item.key ~= '' then
    local first = redis.call('GET', KEY .. item.key)
    if first and redis.call('EXISTS', NOTIFICATION .. first) == 1 then
      return known(first, item)
    end
  end
  local others = redis.call('ZCARD', line)
  if others >= rules.max_line then
    return not_stored('full', '')
  end

  local seq, ready_at = redis.call('INCR', SEQUENCE), now + (item.countdown or 0)
  local score = score_in_line(priority, seq, ready_at, now)
  -- Never before one in flight.
  local first = others == 0 or score < tonumber(redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2])
  local free, limit = number_free_at(limits_of(mobile))

  local reason = item.countdown and 'not_before' or first and free > now and limit or 'new'
  local fields = {'mobile', mobile, 'template', item.template, 'params', item.params, 'seq', seq, 'created', now,
    'state', 'waiting', 'reason', reason}
  if priority > 0 then
    append(fields, 'priority', priority)
  end
  if item.policy ~= '' then
    append(fields, 'policy', item.policy)
  end
  if item.units then
    append(fields, 'units', item.units)
  end
  local expires = item.expires or rules.default_expires_ms
  if expires > 0 then
    append(fields, 'deadline', now + expires)
    redis.call('ZADD', DEADLINES, now + expires, id)
  end
  if item.key ~= '' then
    append(fields, 'key', item.key)
  end
  redis.call('HSET', record, unpack(fields))
  if item.key ~= '' then
    redis.call('SET', KEY .. item.key, id) -- until its notification has ended, and `retention` has passed
  end
  count(counts, 'waiting:' .. reason, 1)
  count(totals, 'submitted', 1)
  redis.call('ZADD', line, score, id)
  if others == 0 then
    put_on_agenda(mobile, priority, math.max(ready_at, free), now)
  elseif first or score > 0 then -- else its number is on the agenda as it should be
    look_again(mobile, priority, math.max(ready_at, free), now)
  end
  return {status = 'stored', id = id, state = 'waiting'}
end

local replies = each_item(submit)
write_counts(now)
send_wakeups(is_paused)
return replies
