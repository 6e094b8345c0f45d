-- Grants the calls that are next in the lines of some notifications' numbers, where every limit allows them now.
--   ARGV two for each: id (names the line; its head is what is called), token of the attempt
-- Reply: for each {'granted', id, mobile, template, params, attempts, unconfirmed, on_unconfirmed, now, ms within which to
--        send} or {'deferred'}: the agenda then says when to look again. A grant is counted as a call, for now at this moment.
local LATENESS_MS = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}
local now = clock_ms()
local gate = account_gate(now)
local spent_key, spending = SPENT .. day_of(now), 0
local spent = DAILY_BUDGET > 0 and tonumber(redis.call('GET', spent_key) or 0) or 0

local function deferred(reason)
  count(totals, 'deferred:' .. reason, 1)
  return {'deferred'}
end

local function grant(head, mobile, call, begun)
  local within = begun + SEND_WITHIN_MS - now
  if call.deadline then
    within = math.min(within, call.deadline - now)
  end
  return {'granted', head, mobile, call.template, call.params, call.attempts, call.unconfirmed, call.policy, now, within}
end

local function read(id)
  local found = redis.call('HMGET', NOTIFICATION .. id, 'template', 'params', 'attempts', 'unconfirmed', 'policy', 'token',
    'lease', 'deadline', 'reason', 'created', 'ready', 'units')
  return {
    template = found[1], params = found[2], attempts = found[3] or '0', unconfirmed = found[4] or '0',
    policy = found[5] or '', token = found[6], lease = tonumber(found[7] or nil), deadline = tonumber(found[8] or nil),
    reason = found[9], ready = tonumber(found[11] or found[10]), units = tonumber(found[12] or 1),
  }
end

-- Those beside the line whose time has come join it.
local function join_due(line)
  local due = redis.call('ZRANGEBYSCORE', line, 0, now, 'WITHSCORES', 'LIMIT', 0, 100)
  for i = 1, #due, 2 do
    local place = redis.call('HMGET', NOTIFICATION .. due[i], 'priority', 'seq')
    redis.call('HSET', NOTIFICATION .. due[i], 'ready', due[i + 1])
    redis.call('ZADD', line, ready_score(tonumber(place[1] or 0), tonumber(place[2])), due[i])
  end
end

-- The head of a line, its score and its call; those whose deadline passed leave the line.
local function find_head(line, mobile)
  while true do
    local first = redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')
    local head, score = first[1], first[2]
    if not head then
      return
    end
    local call = read(head)
    if score == IN_FLIGHT or not (call.deadline and call.deadline <= now) then
      return head, score, call
    end
    finish(head, mobile, now, 'waiting', call.reason, 'expired', 'deadline')
  end
end

local function begin(id, token)
  local mobile = redis.call('HGET', NOTIFICATION .. id, 'mobile')
  if not mobile then
    return {'deferred'}
  end
  local line = LINE .. mobile
  join_due(line)
  local head, score, call = find_head(line, mobile)
  if not head then
    redis.call('ZREM', AGENDA, mobile)
    return {'deferred'}
  end
  if score == IN_FLIGHT then
    -- The same attempt asks again when a reply of ours was lost.
    return call.token == token and grant(head, mobile, call, call.lease - LEASE_MS) or deferred('in_flight')
  end
  local call_times, hold = limits_of(mobile)
  local free, limit = free_at(call_times, hold)
  if tonumber(score) > 0 or free > now then
    schedule(mobile, now)
    return deferred(free > now and limit or 'not_before')
  end
  if DAILY_BUDGET > 0 and gate ~= 'closed' and spent + spending + call.units > DAILY_BUDGET then
    pause(now, 'budget', DAILY_BUDGET .. ' units a day are spent', 0, next_day(now))
    gate = 'closed'
  end
  if gate == 'closed' then
    redis.call('ZADD', AGENDA, now, mobile)
    return deferred('paused')
  end
  if CALL_INTERVAL_MS > 0 then
    local rate_free = rate_free_at()
    if rate_free > now then
      redis.call('ZADD', AGENDA, rate_free, mobile)
      return deferred('rate')
    end
    local used_up = math.max(now, rate_free + RATE_SLACK_MS) + CALL_INTERVAL_MS
    redis.call('SET', RATE, used_up, 'PX', 1000 + math.ceil(CALL_INTERVAL_MS))
  end

  if gate == 'probe' then
    redis.call('HSET', ACCOUNT, 'probe', token, 'until', now + LEASE_MS)
    gate = 'closed'
  end
  spending = spending + call.units
  call_times[#call_times + 1] = now
  keep_call_times(mobile, call_times)
  call.attempts = call.attempts + 1
  redis.call('ZADD', line, IN_FLIGHT, head)
  redis.call('ZADD', CALLING, now + LEASE_MS, head)
  redis.call('ZADD', AGENDA, now + LEASE_MS, mobile)
  move(head, now, 'waiting', call.reason, 'calling', 'attempt', call.attempts,
    'attempts', call.attempts, 'token', token, 'lease', now + LEASE_MS)
  observe('late', now - math.max(call.ready, free), LATENESS_MS)
  return grant(head, mobile, call, now)
end

local replies = {}
for i = 1, #ARGV, 2 do
  replies[#replies + 1] = begin(ARGV[i], ARGV[i + 1])
end
if spending > 0 then
  redis.call('INCRBY', spent_key, spending)
  redis.call('PEXPIRE', spent_key, 2 * DAY_MS)
end
write_counts(now)
return replies
