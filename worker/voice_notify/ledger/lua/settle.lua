-- Ends attempts: counts the call or releases it, moves the notification on, tells the account's breaker.
--   item   id; token: of the attempt; lapsed: 1 where its lease ran out, and there is no reply; its outcome: kind, code, message,
--          call_id, task_no; took: ms from the request to the reply, nil: there was none to wait for; the step that follows: state,
--          reason; ready_at: ms, 0: at once; window: 'count' | 'release' the call; hold_until: of the number, ms, 0: not; verdict:
--          on the account, 'success' | 'failed' | 'suspect' | 'unreachable' | 'maintenance' | 'none'; pause_until: of a suspect account, ms,
--          0: for the cool-down
--   reply  for each item result: the state after it, if this attempt decides, or has decided and is sent again; 'late': the lease had
--          run out, see settle_late; 'repeated': its lapsed call was settled before; 'gone': there is no such notification
--- @include "time"
--- @include "items"
--- @include "schedule"
--- @include "transitions"
--- @include "call_times"
--- @include "histogram"
--- @include "breaker"
--- @include "budget"

local CALLING = P .. 'calling'
-- Once `totals` has so many fields, further templates are counted as one.
local MOST_TOTALS = 1000
local LATENCY_MS = {50, 100, 250, 500, 1000, 2500, 5000, 10000}
local now = clock_ms()

local function reply_fields(item)
  if item.call_id == '' then
    return 'code', item.code, 'message', item.message
  end
  return 'code', item.code, 'message', item.message, 'call_id', item.call_id, 'task_no', item.task_no
end

-- There is no end of codes that are not documented.
local function counted_code(item)
  if item.kind == 'unclear' and item.code ~= '999' and not string.find(item.code, '^http%-%d%d%d$') then
    return 'other'
  end
  return item.code
end

-- Nor of templates that a caller may name.
local counted_templates = {}
local function units_field(sort, template)
  local field = sort .. template
  if not counted_templates[field] then
    local is_new = redis.call('HEXISTS', TOTALS, field) == 0
    counted_templates[field] = is_new and redis.call('HLEN', TOTALS) >= MOST_TOTALS and sort .. 'other' or field
  end
  return counted_templates[field]
end

local function detail_of(item)
  return item.code .. ' ' .. item.message
end

-- The reply to an attempt that was given up. A success is taken: it cancels the resend that has not begun, and decides
-- in place of the one in flight unless that succeeds too.
local function settle_late(item, was)
  log(item.id, now, was.state, 'late', detail_of(item))
  local call_times = limits_of(was.mobile)
  local head = redis.call('ZRANGE', LINE .. was.mobile, 0, 0, 'WITHSCORES')
  if #call_times > 0 and head[2] ~= IN_FLIGHT then
    call_times[#call_times] = now -- no earlier moment is certain to be after that call's arrival
    keep_call_times(was.mobile, call_times)
    schedule(was.mobile, now)
  end
  if item.kind ~= 'accepted' then
    return 'late'
  end
  -- A final state stays, but whoever looks at it sees that the call was placed after all.
  if redis.call('HEXISTS', NOTIFICATION .. item.id, 'call_id') == 0 then
    redis.call('HSET', NOTIFICATION .. item.id, reply_fields(item))
  end
  if may_move('late_success', was.state, 'accepted') then
    local reason = redis.call('HGET', NOTIFICATION .. item.id, 'reason')
    finish('late_success', item.id, was.mobile, now, was.state, reason, 'accepted', 'late', detail_of(item))
    schedule(was.mobile, now)
  elseif was.state == 'calling' then
    redis.call('HSET', NOTIFICATION .. item.id, 'override', 'accepted')
  end
  return 'late'
end

-- The window: the moment of the reply is the latest at which the call can have reached the provider.
local function count_call(item, was)
  local call_times = limits_of(was.mobile)
  if item.window == 'release' then
    if call_times[#call_times] then
      give_units_back(call_times[#call_times], was.units)
    end
    call_times[#call_times] = nil
  else
    call_times[math.max(1, #call_times)] = now
    local billed = item.kind == 'accepted' and 'units:' or 'unsure:'
    count(totals, units_field(billed, was.template), was.units)
  end
  keep_call_times(was.mobile, call_times)
  if item.hold_until > now then
    redis.call('SET', HOLD .. was.mobile, item.hold_until, 'PX', item.hold_until - now)
  end
end

-- The state that follows, and its reason; a person's cancellation, a late success or the deadline may outdo the step's.
local function decide_state(item, was, keeps_place, next_probe)
  if item.state ~= 'accepted' and was.override then
    return was.override, was.override == 'accepted' and 'late' or 'cancelled'
  elseif (keeps_place or item.state == 'waiting') and was.deadline and was.deadline <= now then
    return 'expired', 'deadline'
  elseif keeps_place then
    return 'waiting', next_probe and 'backoff' or 'new'
  end
  return item.state, item.reason
end

-- Where the provider is ill, and nothing was placed, a notification keeps its place and its attempts. A probe lets another number go
-- next, where there is one: what it met may be its own trouble after all.
local function move_on(item, was, in_outage, next_probe)
  local record = NOTIFICATION .. item.id
  redis.call('ZREM', CALLING, item.id)
  local over = {'lease', 'override'}
  if item.lapsed == 1 then
    over[3] = 'token' -- so that its late reply is known for one
  end
  redis.call('HDEL', record, unpack(over))
  if item.kind == 'unconfirmed' then
    redis.call('HINCRBY', record, 'unconfirmed', 1)
  end
  local keeps_place = in_outage and item.kind == 'transient'
  local state, reason = decide_state(item, was, keeps_place, next_probe)
  if state == 'waiting' then
    local ready_at = keeps_place and (next_probe and next_probe + 1 or was.ready_at) or math.max(now, item.ready_at)
    local attempts = keeps_place and was.attempts - 1 or was.attempts
    move('settle', item.id, now, was.state, nil, state, reason, detail_of(item),
      'ready_at', ready_at, 'attempts', attempts, reply_fields(item))
    redis.call('ZADD', LINE .. was.mobile, score_in_line(was.priority, was.seq, ready_at, now), item.id)
  elseif was.override == 'accepted' and item.state ~= 'accepted' then
    -- Keeps what the late success said.
    finish('settle', item.id, was.mobile, now, was.state, nil, state, reason, detail_of(item))
  else
    finish('settle', item.id, was.mobile, now, was.state, nil, state, reason, detail_of(item), reply_fields(item))
  end
  schedule(was.mobile, now)
  return state
end

local function settle(item)
  local found = redis.call('HMGET', NOTIFICATION .. item.id, 'mobile', 'state', 'token', 'priority', 'seq', 'deadline',
    'override', 'template', 'units', 'attempts', 'ready_at', 'created')
  local was = {
    mobile = found[1], state = found[2], priority = tonumber(found[4] or 0), seq = tonumber(found[5] or nil),
    deadline = tonumber(found[6] or nil), override = found[7], template = found[8], units = tonumber(found[9] or 1),
    attempts = tonumber(found[10] or 0), ready_at = tonumber(found[11] or found[12] or 0),
  }
  if not was.mobile then
    return {result = 'gone'}
  elseif found[3] ~= item.token and item.lapsed ~= 1 then
    return {result = settle_late(item, was)}
  elseif found[3] ~= item.token then
    return {result = 'repeated'}
  elseif was.state ~= 'calling' then
    return {result = item.lapsed == 1 and 'repeated' or was.state}
  end
  count(totals, 'call:' .. item.kind .. ':' .. counted_code(item), 1)
  if item.took then
    observe('took', item.took, LATENCY_MS)
  end
  count_call(item, was)
  local in_outage, next_probe = tell_breaker(item, was.mobile, now)
  return {result = move_on(item, was, in_outage, next_probe)}
end

local replies = each_item(settle)
write_counts(now)
send_wakeups()
return replies
