-- Grants the calls that are next in the lines of some notifications' numbers, where every limit allows them now.
--   item   id: names the line, whose head is what is called; token: of the attempt
--   reply  for each item granted: 1, with all of a call; else 0, and the agenda says when to look again. A grant is counted as a
--          call, for now at this moment. within: ms in which to send
--- @include "clock"
--- @include "items"
--- @include "agenda"
--- @include "transitions"
--- @include "histogram"
--- @include "gate"
--- @include "budget"
--- @include "rate"

local CALLING = P .. 'calling'
local LATENESS_MS = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}
local now = clock_ms()
local gate = account_gate(now)
-- What is answered where nothing is granted.
local NOTHING = {
  granted = 0, id = '', mobile = '', template = '', params = '', attempts = 0, unconfirmed = 0, policy = '', now = now, within = 0,
}
local spending = 0
local spent = rules.daily_budget > 0 and spent_on(now) or 0

local function deferred(reason)
  count(totals, 'deferred:' .. reason, 1)
  return NOTHING
end

local function granted(head, mobile, record, begun)
  local within = begun + rules.send_within_ms - now
  if record.deadline then
    within = math.min(within, record.deadline - now)
  end
  return {
    granted = 1, id = head, mobile = mobile, template = record.template, params = record.params,
    attempts = record.attempts, unconfirmed = record.unconfirmed, policy = record.policy, now = now, within = within,
  }
end

local function read(id)
  local found = redis.call('HMGET', NOTIFICATION .. id, 'template', 'params', 'attempts', 'unconfirmed', 'policy', 'token',
    'lease', 'deadline', 'reason', 'created', 'ready_at', 'units', 'state')
  return {
    template = found[1], params = found[2], attempts = tonumber(found[3] or 0), unconfirmed = tonumber(found[4] or 0),
    policy = found[5] or '', token = found[6], lease = tonumber(found[7] or nil), deadline = tonumber(found[8] or nil),
    reason = found[9], ready_at = tonumber(found[11] or found[10] or nil), units = tonumber(found[12] or 1),
    state = found[13],
  }
end

-- Those that are scheduled and whose time has come become ready.
local function join_due(line)
  local due = redis.call('ZRANGEBYSCORE', line, 0, now, 'WITHSCORES', 'LIMIT', 0, 100)
  for i = 1, #due, 2 do
    local place = redis.call('HMGET', NOTIFICATION .. due[i], 'priority', 'seq')
    redis.call('HSET', NOTIFICATION .. due[i], 'ready_at', due[i + 1])
    redis.call('ZADD', line, ready_score(tonumber(place[1] or 0), tonumber(place[2])), due[i])
  end
end

local function grant_next(item)
  local mobile = redis.call('HGET', NOTIFICATION .. item.id, 'mobile')
  if not mobile then
    return NOTHING
  end
  local line = LINE .. mobile
  join_due(line)
  local first = redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')
  local head, score = first[1], first[2]
  if not head then
    redis.call('ZREM', AGENDA, mobile)
    return NOTHING
  end
  local record = read(head)
  if not (record.template and record.params and record.reason and record.ready_at and record.units) then
    error('the record of ' .. head .. ' is damaged')
  end
  if score == IN_FLIGHT then
    -- The same attempt asks again when a reply of ours was lost.
    return record.token == item.token and granted(head, mobile, record, record.lease - rules.lease_ms) or deferred('in_flight')
  end
  if record.deadline and record.deadline <= now then
    -- `expire` ends it, and so its worker hears of it and tells monitors; then the next in line is due.
    redis.call('ZADD', DEADLINES, record.deadline, head)
    redis.call('ZADD', AGENDA, now, mobile)
    return NOTHING
  end
  if not may_move('grant', record.state, 'calling') then
    error('the record of ' .. head .. ' is not that of a waiting notification')
  end
  local call_times, hold = limits_of(mobile)
  local free, limit = number_free_at(call_times, hold)
  if tonumber(score) > 0 or free > now then
    schedule(mobile, now)
    return deferred(free > now and limit or 'not_before')
  end
  if rules.daily_budget > 0 and gate ~= 'closed' and spent + spending + record.units > rules.daily_budget then
    pause_for_budget(now)
    gate = 'closed'
  end
  if gate == 'closed' then
    redis.call('ZADD', AGENDA, now, mobile)
    return deferred('paused')
  end
  if rules.call_interval_ms > 0 then
    local rate_free = rate_free_at()
    if rate_free > now then
      redis.call('ZADD', AGENDA, rate_free, mobile)
      return deferred('rate')
    end
    use_rate(now, rate_free)
  end

  if gate == 'probe' then
    redis.call('HSET', ACCOUNT, 'probe', item.token, 'until', now + rules.lease_ms)
    gate = 'closed'
  end
  spending = spending + record.units
  call_times[#call_times + 1] = now
  keep_call_times(mobile, call_times)
  record.attempts = record.attempts + 1
  redis.call('ZADD', line, IN_FLIGHT, head)
  redis.call('ZADD', CALLING, now + rules.lease_ms, head)
  redis.call('ZADD', AGENDA, now + rules.lease_ms, mobile)
  move('grant', head, now, record.state, record.reason, 'calling', 'attempt', record.attempts,
    'attempts', record.attempts, 'token', item.token, 'lease', now + rules.lease_ms)
  observe('late', now - math.max(record.ready_at, free), LATENESS_MS)
  return granted(head, mobile, record, now)
end

local replies = each_item(grant_next)
if spending > 0 then
  spend(now, spending)
end
write_counts(now)
return replies
