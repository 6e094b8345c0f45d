-- Takes notifications into the ledger and into their numbers' lines, each once per id and idempotency key.
--   ARGV 1 wake-up id ('': the caller cannot wake)  2 most wake-ups under way
--        3… ten for each: id, mobile, template, params (JSON), priority, countdown (ms), expires (ms from now, 0: never,
--        '': the settings'), own on_unconfirmed ('': the settings'), idempotency key ('': none), billing units
-- Reply: for each {'stored' | 'duplicate' | 'full', id, opens, joins, before, behind, call_times (by commas), wake: 1 | 0}
--   opens: ms before which the number is not called; joins: ms at which it joins its line; before, behind: how many in line
--   are called before and behind it then; wake: the caller is to send this wake-up.
local wakeup, most_wakeups = ARGV[1], tonumber(ARGV[2])
local now = clock_ms()

-- The one whose id or key is known.
local function duplicate(id)
  local of = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'priority', 'seq')
  local score = of[1] and redis.call('ZSCORE', LINE .. of[1], id)
  if not score or score == IN_FLIGHT then
    return {'duplicate', id, now, now, 0, 0, '', 0}
  end
  local _, hold, call_times = limits_of(of[1])
  local before, behind = others_in_line(of[1], ready_score(tonumber(of[2] or 0), tonumber(of[3])))
  return {'duplicate', id, math.max(now, hold), math.max(now, tonumber(score)), before, behind, call_times, 0}
end

local function append(fields, name, value)
  local last = #fields
  fields[last + 1], fields[last + 2] = name, value
end

local function submit(id, mobile, template, params, priority, countdown, expires, policy, key, units)
  local record, line = NOTIFICATION .. id, LINE .. mobile
  if redis.call('EXISTS', record) == 1 then
    return duplicate(id)
  end
  if key ~= '' then
    local known = redis.call('GET', IDEMPOTENCY .. key)
    if known and redis.call('EXISTS', NOTIFICATION .. known) == 1 then
      return duplicate(known)
    end
  end
  local others = redis.call('ZCARD', line)
  if others >= MAX_LINE then
    return {'full', '', now, now, 0, 0, '', 0}
  end

  local seq, due = redis.call('INCR', SEQUENCE), now + countdown
  local call_times, hold, kept = limits_of(mobile)
  local place, before, behind, first = ready_score(priority, seq), 0, 0, true
  local score = score_in_line(place, due, now)
  if others > 0 then
    before, behind = others_in_line(mobile, place)
    first = score < tonumber(redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')[2]) -- never before one in flight
  end
  local free, limit = free_at(call_times, hold)
  local at, wake = math.max(due, free), 0
  -- Where it is first, past those that are scheduled and of lower priority, and due, it may be the caller's to wake.
  local may_wake = wakeup ~= '' and first and at <= now
  if may_wake and redis.call('ZCOUNT', WAKEUPS, '(' .. now, '+inf') < most_wakeups and not is_paused() then
    at, wake = now + WAKEUP_LEASE_MS, 1
  end

  local reason = countdown > 0 and 'not_before' or first and free > now and limit or 'new'
  local fields = {'mobile', mobile, 'template', template, 'params', params, 'seq', seq, 'created', now,
    'state', 'waiting', 'reason', reason}
  if priority > 0 then
    append(fields, 'priority', priority)
  end
  if policy ~= '' then
    append(fields, 'policy', policy)
  end
  if units > 1 then
    append(fields, 'units', units)
  end
  if expires > 0 then
    append(fields, 'deadline', now + expires)
    redis.call('ZADD', DEADLINES, now + expires, id)
  end
  redis.call('HSET', record, unpack(fields))
  if key ~= '' then
    redis.call('SET', IDEMPOTENCY .. key, id, 'PX', RETENTION_MS)
  end
  count(counts, 'waiting:' .. reason, 1)
  count(totals, 'submitted', 1)
  redis.call('ZADD', line, score, id)
  if first then -- behind others the line is on the agenda already
    redis.call('ZADD', AGENDA, at, mobile)
  end
  if wake == 1 then
    redis.call('ZADD', WAKEUPS, at, wakeup)
  end
  return {'stored', id, math.max(now, hold), due, before, behind, kept, wake}
end

local replies = {}
for i = 3, #ARGV, 10 do
  replies[#replies + 1] = submit(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], tonumber(ARGV[i + 4]),
    tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6]) or DEFAULT_EXPIRES_MS, ARGV[i + 7], ARGV[i + 8], tonumber(ARGV[i + 9]))
end
write_counts(now)
return replies
