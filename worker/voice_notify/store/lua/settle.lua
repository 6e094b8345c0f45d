-- Ends an attempt: stamps or refunds the window, moves the notification on, speaks to the account's breaker.
--   ARGV 5 id  6 token of the attempt  7 outcome kind  8 code  9 message  10 call id  11 task number
--        12 next state  13 its reason  14 due, ms (0: at once)  15 'keep' | 'refund' the window charge
--        16 hold the number until, ms (0: not)  17 verdict on the account: success | failed | suspect | none
--        18 pause a suspect account until, ms (0: for the cool-down)  19 suspect_run  20 cool-down, ms  21 longest, ms
-- Reply: the state after it: of this attempt's doing, or 'late': the lease had run out, see below; 'repeated': was settled
--        before with this token; 'gone': no such notification.
local id, token, kind, code, message = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local next_state, reason, due, charge = ARGV[12], ARGV[13], tonumber(ARGV[14]), ARGV[15]
local hold, verdict, suspect_until, suspect_run = tonumber(ARGV[16]), ARGV[17], tonumber(ARGV[18]), tonumber(ARGV[19])
local cooldown, longest = tonumber(ARGV[20]), tonumber(ARGV[21])
local record = NOTIFICATION(id)
local was = redis.call('HMGET', record, 'mobile', 'state', 'token', 'priority', 'seq', 'deadline', 'override')
local mobile, state = was[1], was[2]
if not mobile then
  return 'gone'
end
local now = clock_ms()
local detail = code .. ' ' .. message

local function keep_reply()
  redis.call('HSET', record, 'code', code, 'message', message)
  if ARGV[10] ~= '' then
    redis.call('HSET', record, 'call_id', ARGV[10], 'task_no', ARGV[11])
  end
end

-- The reply to an attempt that was given up. A success is taken: it cancels the resend that has not begun, and decides
-- in place of the one in flight unless that succeeds too.
local function settle_late()
  log(id, now, state, 'late', detail)
  local stamps = stamps_of(mobile)
  local head = redis.call('ZRANGE', LINE(mobile), 0, 0, 'WITHSCORES')
  if #stamps > 0 and head[2] ~= IN_FLIGHT then
    stamps[#stamps] = now -- no earlier moment is certain to be after that call's arrival
    keep_stamps(mobile, stamps)
    schedule(mobile, now)
  end
  if kind ~= 'accepted' then
    return 'late'
  end
  -- A final state stays, but whoever looks at it sees that the call was placed after all.
  if redis.call('HEXISTS', record, 'call_id') == 0 then
    keep_reply()
  end
  if state == 'waiting' then
    finish(id, mobile, now, state, 'accepted', 'late', detail)
    schedule(mobile, now)
  elseif state == 'calling' then
    redis.call('HSET', record, 'override', 'accepted')
  end
  return 'late'
end

if was[3] ~= token and code ~= 'lease' then
  return settle_late()
elseif was[3] ~= token or state ~= 'calling' then
  return 'repeated'
end

-- The window: the moment of the reply is the latest at which the call can have reached the provider.
local stamps = stamps_of(mobile)
if charge == 'refund' then
  stamps[#stamps] = nil
else
  stamps[math.max(1, #stamps)] = now
end
keep_stamps(mobile, stamps)
if hold > now then
  redis.call('SET', HOLD(mobile), hold, 'PX', hold - now)
end

redis.call('ZREM', CALLING, id)
redis.call('HDEL', record, 'lease')
if code == 'lease' then
  redis.call('HDEL', record, 'token') -- so that its late reply is known for one
end
if kind == 'unconfirmed' then
  redis.call('HINCRBY', record, 'unconfirmed', 1)
end

local override, deadline = was[7], tonumber(was[6] or nil)
if override then
  redis.call('HDEL', record, 'override')
end
if next_state ~= 'accepted' and override then
  if override == 'cancelled' then
    keep_reply()
  end
  next_state, reason = override, override == 'accepted' and 'late' or 'cancelled'
else
  keep_reply()
  if next_state == 'waiting' and deadline and deadline <= now then
    next_state, reason = 'expired', 'deadline'
  end
end
if next_state == 'waiting' then
  move(id, now, 'calling', 'waiting', reason, detail)
  join_line(id, mobile, tonumber(was[4] or 0), tonumber(was[5]), due, now)
else
  finish(id, mobile, now, 'calling', next_state, reason, detail)
end
schedule(mobile, now)

-- The breaker. While paused only the probe is heard: calls begun before the pause say nothing new.
local paused = redis.call('HMGET', ACCOUNT, 'since', 'probe', 'cooldown')
if verdict == 'success' then
  redis.call('DEL', RUN, RUN_CODE)
end
local suspected = false
if verdict == 'suspect' then
  if redis.call('GET', RUN_CODE) ~= code then
    redis.call('DEL', RUN)
    redis.call('SET', RUN_CODE, code)
  end
  redis.call('SADD', RUN, mobile)
  suspected = redis.call('SCARD', RUN) >= suspect_run
end
local why, words = code, message
if suspected then
  why, words = suspect_until > 0 and 'quota' or 'suspect', detail
end
if paused[2] == token then
  redis.call('HDEL', ACCOUNT, 'probe')
  if verdict == 'success' then
    resume()
  elseif verdict == 'failed' or suspected then
    local doubled = math.min(longest, tonumber(paused[3]) * 2)
    pause(now, why, words, doubled, math.max(suspect_until, now + doubled))
  else
    redis.call('HSET', ACCOUNT, 'until', now + tonumber(paused[3]))
  end
elseif not paused[1] and (verdict == 'failed' or suspected) then
  pause(now, why, words, cooldown, math.max(suspect_until, now + cooldown))
end
return next_state
