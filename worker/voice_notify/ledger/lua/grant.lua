-- Grants the calls that may begin now: of the numbers that are due the highest priority first, then the longest due.
--   call   most: calls, of which one run may grant only a part; ordinary: of these, below the urgent priority; process: asks;
--          request: its number, the same when it asks again because a reply was lost
--   reply  now; ahead: ms that this is ahead of the server's clock; grants: each with all of a call, which is counted from now on, and
--          within: ms in which to send it; expired: ids of those whose deadline had passed; damaged: numbers whose line or record is,
--          put off, or without the record that is gone; why: the error of the last of them; idle: ms until there may be another call for this process, 0: now, nil: it is
--          woken
--- @include "time"
--- @include "contract"
--- @include "alone"
--- @include "transitions"
--- @include "call_times"
--- @include "histogram"
--- @include "budget"
--- @include "rate"
--- @include "ramp"
--- @include "next_due"

local CALLING, GRANTED = P .. 'calling', P .. 'granted:' .. call.process
local LATENESS_MS = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000}
-- The work of one run is bounded by these: numbers looked at for calls and beyond them, promotions, notifications that join one line.
local MOST_CALLS, MOST_LOOKS, MOST_PROMOTIONS, MOST_JOIN, JOIN_IN_A_LOOK = 64, 50, 100, 100, 4
-- A damaged line is looked at again after this (ms).
local DAMAGED_MS = 5000

local now, ahead = clock_ms()
local gate, gate_opens = account_gate(now)
local grants, expired, damaged, why = {}, {}, {}, ''
local ordinary, spending, rate_opens = 0, 0, nil
local ramp_left = ramp_room(now)
local spent = rules.daily_budget > 0 and spent_on(now) or 0

local function token_of(position)
  return call.process .. '-' .. call.request .. '-' .. position
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

local function pack_call(id, token, mobile, record, begun)
  local within = begun + rules.send_within_ms - now
  if record.deadline then
    within = math.min(within, record.deadline - now - 1) -- this millisecond may be nearly over
  end
  return pack_granted_call{
    id = id, token = token, mobile = mobile, template = record.template, params = record.params, attempts = record.attempts,
    unconfirmed = record.unconfirmed, policy = record.policy, within = within,
  }
end

-- What the same request was granted, where its reply was lost: those of its calls that are still in flight.
local function granted_before()
  local kept = redis.call('GET', GRANTED)
  if not kept or tonumber(string.match(kept, '^%S+')) ~= call.request then
    return false
  end
  local position = 0
  for id in string.gmatch(string.match(kept, ' .*'), '%S+') do
    position = position + 1
    local record, mobile = read(id), redis.call('HGET', NOTIFICATION .. id, 'mobile')
    if record.token == token_of(position) and record.lease then
      grants[#grants + 1] = pack_call(id, record.token, mobile, record, record.lease - rules.lease_ms)
    end
  end
  return true
end

local looks = math.min(call.most, MOST_CALLS) + MOST_LOOKS -- left

-- Those that are scheduled and whose time has come become ready, the most urgent first. They use up looks too.
local function join_due(line)
  local room = MOST_JOIN
  each_band(line, function(priority)
    local due = due_in_band(line, priority, now, room, 'WITHSCORES')
    for i = 1, #due, 2 do
      local place = redis.call('HMGET', NOTIFICATION .. due[i], 'priority', 'seq')
      local _, ready_at = parse_banded(tonumber(due[i + 1]))
      redis.call('HSET', NOTIFICATION .. due[i], 'ready_at', ready_at)
      redis.call('ZADD', line, ready_score(tonumber(place[1] or 0), tonumber(place[2])), due[i])
    end
    looks = looks - math.floor(#due / 2 / JOIN_IN_A_LOOK)
    room = room - #due / 2
    return room <= 0
  end)
end

-- The head of a line, after those whose time has come have joined it, and its score.
local function head_of(line)
  local first = redis.call('ZRANGE', line, 0, 1, 'WITHSCORES')
  if first[2] ~= IN_FLIGHT and (#first > 2 or tonumber(first[2] or 0) > 0) then
    join_due(line)
    first = redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')
  end
  return first[1], first[2]
end

-- Whether the account, its budget and its rate allow one more call; if not, no other is begun.
local function account_allows(units)
  if rules.daily_budget > 0 and spent + spending + units > rules.daily_budget then
    pause_for_budget(now)
    gate, gate_opens = account_gate(now)
    count(totals, 'deferred:paused', 1)
    return false
  end
  if ramp_left <= #grants then
    rate_opens = now + RAMP_LOOK_MS
    count(totals, 'deferred:rate', 1)
    return false
  end
  if rules.call_interval_ms > 0 then
    local free = rate_free_at()
    if free > now then
      rate_opens = free
      count(totals, 'deferred:rate', 1)
      return false
    end
    use_rate(now, free)
  end
  return true
end

-- A head without a record can never be called, nor settled: the line goes on without it, and it is named.
local function leave_out(id, mobile)
  redis.call('ZREM', LINE .. mobile, id)
  redis.call('ZREM', CALLING, id)
  redis.call('ZREM', DEADLINES, id)
  schedule(mobile, now)
  damaged[#damaged + 1], why = mobile, 'the record of ' .. id .. ' is gone; it is left out'
end

-- Looks at one number that is due: begins its call, or puts it where it belongs.
local function look_at(mobile, priority)
  local line = LINE .. mobile
  local head, score = head_of(line)
  if not head then
    schedule(mobile, now)
    return
  end
  local record = read(head)
  if not record.state and redis.call('EXISTS', NOTIFICATION .. head) == 0 then
    leave_out(head, mobile)
    return
  end
  if score == IN_FLIGHT then
    put_in_flight(mobile, math.max(record.lease or 0, now) + LONGEST_SLEEP_MS) -- `sweep` ends it
    return
  end
  if not (record.template and record.params and record.reason and record.ready_at and record.units) then
    error('the record of ' .. head .. ' is damaged')
  end
  if record.deadline and record.deadline <= now and may_move('expire', record.state, 'expired') then
    finish('expire', head, mobile, now, record.state, record.reason, 'expired', 'deadline')
    expired[#expired + 1] = head
    schedule(mobile, now)
    return
  end
  if not may_move('grant', record.state, 'calling') then
    error('the record of ' .. head .. ' is not that of a waiting notification')
  end
  local call_times, hold = limits_of(mobile)
  local free, limit = number_free_at(call_times, hold)
  if tonumber(score) > 0 or free > now or priority_of_ready(tonumber(score)) ~= priority then
    schedule(mobile, now)
    if free > now then
      count(totals, 'deferred:' .. limit, 1)
    end
    return
  end
  if not account_allows(record.units) then
    return
  end
  local token = token_of(#grants + 1)
  if gate == 'probe' then
    redis.call('HSET', ACCOUNT, 'probe', token, 'until', now + rules.lease_ms)
    gate, gate_opens = 'closed', now + rules.lease_ms
  end
  spending = spending + record.units
  call_times[#call_times + 1] = now
  keep_call_times(mobile, call_times)
  record.attempts = record.attempts + 1
  redis.call('ZADD', line, IN_FLIGHT, head)
  redis.call('ZADD', CALLING, now + rules.lease_ms, head)
  put_in_flight(mobile, now + rules.lease_ms)
  move('grant', head, now, record.state, record.reason, 'calling', 'attempt', record.attempts,
    'attempts', record.attempts, 'token', token, 'lease', now + rules.lease_ms)
  observe('late', now - math.max(record.ready_at, free), LATENESS_MS)
  if priority < rules.urgent_priority then
    ordinary = ordinary + 1
  end
  grants[#grants + 1] = pack_call(head, token, mobile, record, now)
end

-- A damaged line harms no other: it is put off, and named.
local function try_to_look_at(mobile, priority)
  local done, failure = handle_alone(look_at, mobile, priority)
  if not done then
    damaged[#damaged + 1], why = mobile, failure
    redis.call('ZADD', AGENDA, banded(priority, now + DAMAGED_MS), mobile)
  end
end

-- Nothing below this priority is called yet, where promotions are left that may be as urgent.
local least_priority = 0

-- Numbers that wait, and in whose line something more urgent has become ready, take its place.
local function promote_due()
  local room = MOST_PROMOTIONS
  each_band(PROMOTIONS, function(priority)
    for _, mobile in ipairs(due_in_band(PROMOTIONS, priority, now, room)) do
      redis.call('ZREM', PROMOTIONS, mobile)
      handle_alone(schedule, mobile, now) -- one that is damaged is named when its turn comes
      room = room - 1
    end
    if room <= 0 then
      least_priority = priority
      return true
    end
  end)
end

-- How many more calls of this priority the process has room for.
local function room_for(priority)
  local room = call.most - #grants
  return priority < rules.urgent_priority and math.min(room, call.ordinary - ordinary) or room
end

-- How many more may begin now.
local function allowed(priority)
  return (gate == 'closed' or rate_opens) and 0 or math.min(room_for(priority), looks)
end

local function grant_due()
  each_band(AGENDA, function(priority, at)
    if priority < least_priority then
      return true
    end
    while at <= now and allowed(priority) > 0 do
      local due = due_in_band(AGENDA, priority, now, allowed(priority))
      if not due[1] then
        return
      end
      for _, mobile in ipairs(due) do
        if allowed(priority) > 0 then
          looks = looks - 1
          try_to_look_at(mobile, priority)
        end
      end
    end
    return allowed(9) == 0
  end)
end

-- What is due, or soon will be, and this process has no room for may be another's.
local function wake_others()
  local function look(priority, at)
    if room_for(priority) == 0 then
      wake_for(priority, at, now)
    end
  end
  each_band(AGENDA, look)
  each_band(PROMOTIONS, look)
end

local repeated = granted_before()
if not repeated then
  promote_due()
  grant_due()
  if #grants > 0 then
    local ids = {}
    for i, each in ipairs(grants) do
      ids[i] = each[1]
    end
    redis.call('SET', GRANTED, call.request .. ' ' .. table.concat(ids, ' '), 'PX', math.ceil(rules.lease_ms))
  end
  if spending > 0 then
    spend(now, spending)
  end
  if #grants > 0 then
    count(totals, 'begun', #grants)
    if ramp_left < math.huge then
      use_ramp(#grants)
    end
  end
end
if room_for(0) == 0 then
  wake_others()
end
write_counts(now)
send_wakeups()

local function idle_ms()
  if gate == 'closed' then
    return gate_opens and gate_opens - now
  elseif rate_opens then
    return math.ceil(rate_opens - now)
  elseif repeated or looks <= 0 then
    return 0
  end
  local at = next_due(room_for(0) > 0 and 0 or room_for(9) > 0 and rules.urgent_priority or 10)
  return at and math.max(0, at - now)
end

return pack_reply{
  now = now, ahead = ahead, grants = grants, expired = expired, damaged = damaged, why = why, idle = idle_ms(),
}
