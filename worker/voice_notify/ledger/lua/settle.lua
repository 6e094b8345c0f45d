-- Ends attempts: counts the call or releases it, moves the notification on, speaks to the account's breaker.
--   ARGV fifteen for each: id, token of the attempt, outcome kind, code, message, call id, task number,
--        ms from the request to the reply ('': there was none to wait for),
--        next state, its reason, due (ms, 0: at once), 'count' | 'release' the call, hold the number until (ms, 0: not),
--        verdict on the account (success | failed | suspect | none), pause a suspect account until (ms, 0: for the cool-down)
-- Reply: for each the state after it: of this attempt's doing, or 'late': the lease had run out, see below; 'repeated': was
--        settled before with this token; 'gone': no such notification.
local LATENCY_MS = {50, 100, 250, 500, 1000, 2500, 5000, 10000}
local now = clock_ms()

local function reply_fields(outcome)
  if outcome.call_id == '' then
    return 'code', outcome.code, 'message', outcome.message
  end
  return 'code', outcome.code, 'message', outcome.message, 'call_id', outcome.call_id, 'task_no', outcome.task_no
end

-- The reply to an attempt that was given up. A success is taken: it cancels the resend that has not begun, and decides
-- in place of the one in flight unless that succeeds too.
local function settle_late(id, was, outcome)
  log(id, now, was.state, 'late', outcome.detail)
  local call_times = limits_of(was.mobile)
  local head = redis.call('ZRANGE', LINE .. was.mobile, 0, 0, 'WITHSCORES')
  if #call_times > 0 and head[2] ~= IN_FLIGHT then
    call_times[#call_times] = now -- no earlier moment is certain to be after that call's arrival
    keep_call_times(was.mobile, call_times)
    schedule(was.mobile, now)
  end
  if outcome.kind ~= 'accepted' then
    return 'late'
  end
  -- A final state stays, but whoever looks at it sees that the call was placed after all.
  if redis.call('HEXISTS', NOTIFICATION .. id, 'call_id') == 0 then
    redis.call('HSET', NOTIFICATION .. id, reply_fields(outcome))
  end
  if was.state == 'waiting' then
    local reason = redis.call('HGET', NOTIFICATION .. id, 'reason')
    finish(id, was.mobile, now, was.state, reason, 'accepted', 'late', outcome.detail)
    schedule(was.mobile, now)
  elseif was.state == 'calling' then
    redis.call('HSET', NOTIFICATION .. id, 'override', 'accepted')
  end
  return 'late'
end

-- The account's pause as this script last read it; nil: to be read.
local paused

-- A refusal gives its units back. The pause for a spent budget ends with that: it had counted them as spent.
local function give_units_back(called_at, units)
  redis.call('DECRBY', SPENT .. day_of(called_at), units)
  local pause = redis.call('HMGET', ACCOUNT, 'reason', 'probe')
  if pause[1] == 'budget' and not pause[2] then
    redis.call('DEL', ACCOUNT)
    paused = nil
  end
end

-- The window: the moment of the reply is the latest at which the call can have reached the provider.
local function count_call(was, outcome, step)
  local call_times = limits_of(was.mobile)
  if step.window == 'release' then
    if call_times[#call_times] then
      give_units_back(call_times[#call_times], was.units)
    end
    call_times[#call_times] = nil
  else
    call_times[math.max(1, #call_times)] = now
    local billed = outcome.kind == 'accepted' and 'units:' or 'unsure:'
    count(totals, billed .. was.template, was.units)
  end
  keep_call_times(was.mobile, call_times)
  if step.hold > now then
    redis.call('SET', HOLD .. was.mobile, step.hold, 'PX', step.hold - now)
  end
end

-- The state that follows, and its reason; a person's cancellation, a late success or the deadline may outdo the step's.
local function decide_state(was, step)
  if step.state ~= 'accepted' and was.override then
    return was.override, was.override == 'accepted' and 'late' or 'cancelled'
  elseif step.state == 'waiting' and was.deadline and was.deadline <= now then
    return 'expired', 'deadline'
  end
  return step.state, step.reason
end

local function move_on(id, was, outcome, step)
  local record = NOTIFICATION .. id
  redis.call('ZREM', CALLING, id)
  local over = {'lease', 'override'}
  if outcome.code == 'lease' then
    over[3] = 'token' -- so that its late reply is known for one
  end
  redis.call('HDEL', record, unpack(over))
  if outcome.kind == 'unconfirmed' then
    redis.call('HINCRBY', record, 'unconfirmed', 1)
  end
  local state, reason = decide_state(was, step)
  if state == 'waiting' then
    move(id, now, 'calling', nil, state, reason, outcome.detail, 'ready', math.max(now, step.due), reply_fields(outcome))
    redis.call('ZADD', LINE .. was.mobile, score_in_line(ready_score(was.priority, was.seq), step.due, now), id)
  elseif was.override == 'accepted' and step.state ~= 'accepted' then
    finish(id, was.mobile, now, 'calling', nil, state, reason, outcome.detail) -- keeps what the late success said
  else
    finish(id, was.mobile, now, 'calling', nil, state, reason, outcome.detail, reply_fields(outcome))
  end
  schedule(was.mobile, now)
  return state
end

-- Whether refusals of one number after the other point to the account.
local run_is_over = false
local function is_suspect(mobile, outcome, verdict)
  if verdict == 'success' then
    if not run_is_over then
      redis.call('DEL', RUN, RUN_CODE)
    end
    run_is_over = true
  elseif verdict == 'suspect' then
    if redis.call('GET', RUN_CODE) ~= outcome.code then
      redis.call('DEL', RUN)
      redis.call('SET', RUN_CODE, outcome.code)
    end
    run_is_over = false
    redis.call('SADD', RUN, mobile)
    return redis.call('SCARD', RUN) >= SUSPECT_RUN
  end
  return false
end

-- The breaker. While paused only the probe is heard: calls begun before the pause say nothing new.
local function tell_breaker(mobile, token, outcome, step)
  local suspected = is_suspect(mobile, outcome, step.verdict)
  local fails = step.verdict == 'failed' or suspected
  paused = paused or redis.call('HMGET', ACCOUNT, 'since', 'probe', 'cooldown')
  local is_probe = paused[2] == token
  if not is_probe and (paused[1] or not fails) then
    return
  end
  local why, words = outcome.code, outcome.message
  if suspected then
    why, words = step.pause_until > 0 and 'quota' or 'suspect', outcome.detail
  end
  if not is_probe then
    pause(now, why, words, COOLDOWN_MS, math.max(step.pause_until, now + COOLDOWN_MS))
  elseif step.verdict == 'success' then
    resume()
  else
    redis.call('HDEL', ACCOUNT, 'probe')
    -- The pause for a spent budget has no cool-down of its own.
    local last = tonumber(paused[3]) > 0 and tonumber(paused[3]) or COOLDOWN_MS
    if fails then
      local doubled = math.min(COOLDOWN_MAX_MS, last * 2)
      pause(now, why, words, doubled, math.max(step.pause_until, now + doubled))
    else
      redis.call('HSET', ACCOUNT, 'until', now + last)
    end
  end
  paused = nil -- what was read is old
end

local function settle(id, token, outcome, step)
  local found = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'state', 'token', 'priority', 'seq', 'deadline', 'override',
    'template', 'units')
  local was = {
    mobile = found[1], state = found[2], priority = tonumber(found[4] or 0), seq = tonumber(found[5] or nil),
    deadline = tonumber(found[6] or nil), override = found[7], template = found[8], units = tonumber(found[9] or 1),
  }
  if not was.mobile then
    return 'gone'
  elseif found[3] ~= token and outcome.code ~= 'lease' then
    return settle_late(id, was, outcome)
  elseif found[3] ~= token or was.state ~= 'calling' then
    return 'repeated'
  end
  count(totals, 'call:' .. outcome.kind .. ':' .. outcome.code, 1)
  if outcome.took ~= '' then
    observe('took', tonumber(outcome.took), LATENCY_MS)
  end
  count_call(was, outcome, step)
  local state = move_on(id, was, outcome, step)
  tell_breaker(was.mobile, token, outcome, step)
  return state
end

local states = {}
for i = 1, #ARGV, 15 do
  local outcome = {
    kind = ARGV[i + 2], code = ARGV[i + 3], message = ARGV[i + 4], call_id = ARGV[i + 5], task_no = ARGV[i + 6],
    took = ARGV[i + 7], detail = ARGV[i + 3] .. ' ' .. ARGV[i + 4],
  }
  local step = {
    state = ARGV[i + 8], reason = ARGV[i + 9], due = tonumber(ARGV[i + 10]), window = ARGV[i + 11],
    hold = tonumber(ARGV[i + 12]), verdict = ARGV[i + 13], pause_until = tonumber(ARGV[i + 14]),
  }
  states[#states + 1] = settle(ARGV[i], ARGV[i + 1], outcome, step)
end
write_counts(now)
return states
