-- What has to happen at its time, whether or not anybody calls: a worker is heard of, calls whose lease ran out are handed over, what is
-- past its deadline ends, dead letters that nobody moved on are deleted, and where something becomes due before the next sweep, a
-- process is woken for it.
--   call   most: calls and notifications; worker: name
--   reply  now; ahead: ms that this is ahead of the server's clock; lapsed: calls, which stay in flight until they are settled, each
--          with id, token, attempts, unconfirmed, policy; expired: ids of those whose deadline had passed; dropped: dead letters
--          that were deleted, each with id, template, code, reason, ended: ms; more: 1 where another sweep finds more of these now;
--          pause (the breaker's), budget_pause: fields and values
--- @include "timekeeping"
--- @include "contract"
--- @include "alone"
--- @include "dead_letter"
--- @include "gate"
--- @include "schedule"
--- @include "heartbeats"
--- @include "pace"

local CALLING = P .. 'calling'
-- Who was handed a call that lapsed has so long (ms) to settle it.
local HANDED_OVER_MS = 5000

local now, ahead = keep_time()
beat(call.worker, now)
keep_pace(now)

local lapsed, expired, dropped = {}, {}, {}
local over = redis.call('ZRANGEBYSCORE', CALLING, '-inf', now, 'LIMIT', 0, call.most)
for _, id in ipairs(over) do
  local found = redis.call('HMGET', NOTIFICATION .. id, 'token', 'attempts', 'unconfirmed', 'policy', 'mobile')
  if not found[1] or not found[5] then
    redis.call('ZREM', CALLING, id) -- its record is gone, or damaged: there is nothing to settle
  else
    lapsed[#lapsed + 1] = pack_lapsed_call{
      id = id, token = found[1], attempts = tonumber(found[2] or 0), unconfirmed = tonumber(found[3] or 0),
      policy = found[4] or '',
    }
    -- So that one worker settles it, and another does if that one dies first.
    redis.call('ZADD', CALLING, now + HANDED_OVER_MS, id)
    put_in_flight(found[5], now + HANDED_OVER_MS)
  end
end

local function expire(id)
  local record = redis.call('HMGET', NOTIFICATION .. id, 'mobile', 'state', 'reason')
  redis.call('ZREM', DEADLINES, id) -- one in flight is left to its settlement
  if record[1] and record[3] and may_move('expire', record[2], 'expired') then
    finish('expire', id, record[1], now, record[2], record[3], 'expired', 'deadline')
    schedule(record[1], now)
    expired[#expired + 1] = id
  end
end

local past = redis.call('ZRANGEBYSCORE', DEADLINES, '-inf', now, 'LIMIT', 0, call.most)
for _, id in ipairs(past) do
  handle_alone(expire, id)
end

local function drop(id)
  local of = redis.call('HMGET', NOTIFICATION .. id, 'template', 'code', 'reason', 'ended')
  delete_dead_letter(id)
  count(totals, 'dropped', 1)
  dropped[#dropped + 1] = pack_dropped_letter{
    id = id, template = of[1] or '', code = of[2] or '', reason = of[3] or '', ended = tonumber(of[4] or 0),
  }
end

local old = {}
if rules.dead_retention_ms > 0 then
  old = redis.call('ZRANGEBYSCORE', DEAD, '-inf', now - rules.dead_retention_ms, 'LIMIT', 0, call.most)
end
for _, id in ipairs(old) do
  handle_alone(drop, id)
end

local gate, gate_opens = account_gate(now)
if gate ~= 'closed' or gate_opens then
  local function look(priority, at)
    wake_for(priority, gate == 'closed' and math.max(at, gate_opens) or at, now)
  end
  each_band(AGENDA, look)
  each_band(PROMOTIONS, look)
end
write_counts(now)
send_wakeups()
return pack_reply{
  now = now, ahead = ahead, lapsed = lapsed, expired = expired, dropped = dropped,
  more = math.max(#over, #past, #old) == call.most and 1 or 0,
  pause = redis.call('HGETALL', ACCOUNT), budget_pause = redis.call('HGETALL', BUDGET_PAUSE),
}
