-- Takes notifications into the ledger and into their numbers' lines, each once per id and idempotency key.
--   call   wakeup: id of the one that the caller can send, '': none; most_wakeups: under way, for the caller to send another
--   item   id, mobile, template, params (JSON), priority; countdown: ms; expires: ms from now, 0: never, nil: as the rules have it;
--          policy: its own on_unconfirmed; key; units: what a call costs
--   reply  for each item status: 'stored' | 'duplicate' | 'conflict', its id or key is known with another number, template or
--          variables | 'full'; id; state: of the one that is known; number_free_at: ms before which the number is not called;
--          ready_at: ms at which it is ready; before, behind: how many in line are called before and behind it then; call_times,
--          comma-separated; wake: 1 where the caller is to send its wake-up
--- @include "clock"
--- @include "items"
--- @include "line"
--- @include "windows"
--- @include "record"
--- @include "gate"

local AGENDA, KEY, SEQUENCE, WAKEUPS = P .. 'agenda', P .. 'key:', P .. 'sequence', P .. 'wakeups'
local now = clock_ms()

local function not_stored(status, id, state)
  return {
    status = status, id = id, state = state, number_free_at = now, ready_at = now, before = 0, behind = 0, call_times = '',
    wake = 0,
  }
end

-- The notification whose id or key the item has: it is the same one, or the item would be lost without a word.
local function known(id, item)
  local of = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'template', 'params', 'state', 'priority', 'seq')
  if of[1] ~= item.mobile or of[2] ~= item.template or of[3] ~= item.params then
    return not_stored('conflict', '')
  end
  local score = redis.call('ZSCORE', LINE .. of[1], id)
  if not score or score == IN_FLIGHT then
    return not_stored('duplicate', id, of[4])
  end
  local _, hold, kept = limits_of(of[1])
  local before, behind = others_in_line(of[1], ready_score(tonumber(of[5] or 0), tonumber(of[6])))
  return {
    status = 'duplicate', id = id, state = of[4], number_free_at = math.max(now, hold),
    ready_at = math.max(now, tonumber(score)), before = before, behind = behind, call_times = kept, wake = 0,
  }
end

local function append(fields, name, value)
  local last = #fields
  fields[last + 1], fields[last + 2] = name, value
end

local function submit(item)
  local id, mobile, priority = item.id, item.mobile, item.priority
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

  local seq, ready_at = redis.call('INCR', SEQUENCE), now + item.countdown
  local call_times, hold, kept = limits_of(mobile)
  local place, before, behind, first = ready_score(priority, seq), 0, 0, true
  local score = score_in_line(place, ready_at, now)
  if others > 0 then
    before, behind = others_in_line(mobile, place)
    first = score < tonumber(redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2]) -- never before one in flight
  end
  local free, limit = number_free_at(call_times, hold)
  local at, wake = math.max(ready_at, free), 0
  -- Where it is first, past those that are scheduled and of lower priority, and due, it may be the caller's to wake.
  local may_wake = call.wakeup ~= '' and first and at <= now
  if may_wake and redis.call('ZCOUNT', WAKEUPS, '(' .. now, '+inf') < call.most_wakeups and not is_paused() then
    at, wake = now + rules.wakeup_lease_ms, 1
  end

  local reason = item.countdown > 0 and 'not_before' or first and free > now and limit or 'new'
  local fields = {'mobile', mobile, 'template', item.template, 'params', item.params, 'seq', seq, 'created', now,
    'state', 'waiting', 'reason', reason}
  if priority > 0 then
    append(fields, 'priority', priority)
  end
  if item.policy ~= '' then
    append(fields, 'policy', item.policy)
  end
  if item.units > 1 then
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
  if first then -- behind others the line is on the agenda already
    redis.call('ZADD', AGENDA, at, mobile)
  end
  if wake == 1 then
    redis.call('ZADD', WAKEUPS, at, call.wakeup)
  end
  return {
    status = 'stored', id = id, state = 'waiting', number_free_at = math.max(now, hold), ready_at = ready_at,
    before = before, behind = behind, call_times = kept, wake = wake,
  }
end

local replies = each_item(submit)
write_counts(now)
return replies
