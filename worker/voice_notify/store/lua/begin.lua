-- Grants the call that is next in the line of a notification's number, if every limit allows it now.
--   ARGV 5 id (names the line; its head is what is called)  6 token of the attempt  7 lease, ms  8 ms within which the
--        request has to be on the wire  9 ms per call of max_calls_per_second (0: no limit)
-- Reply: {'granted', id, mobile, template, params, attempts, unconfirmed, on_unconfirmed, now, ms within which to send}
--        or {'denied'}: the agenda then says when to look again. Granting charges the window, for now with this moment.
local id, token, lease, send_within, interval =
  ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local denied = {'denied'}
local mobile = redis.call('HGET', NOTIFICATION(id), 'mobile')
if not mobile then
  return denied
end
local now = clock_ms()
local line = LINE(mobile)

local function grant(head, call, deadline, begun)
  local within = begun + send_within - now
  if deadline then
    within = math.min(within, deadline - now)
  end
  return {'granted', head, mobile, call[1], call[2], call[3] or '0', call[4] or '0', call[5] or '', now, within}
end

local function look_again(at)
  redis.call('ZADD', AGENDA, at, mobile)
  return denied
end

-- Those beside the line whose time has come join it.
for _, other in ipairs(redis.call('ZRANGEBYSCORE', line, 0, now, 'LIMIT', 0, 100)) do
  local place = redis.call('HMGET', NOTIFICATION(other), 'priority', 'seq')
  join_line(other, mobile, tonumber(place[1] or 0), tonumber(place[2]), 0, now)
end

-- Those whose deadline passed leave it.
local head, score, deadline
repeat
  local first = redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')
  head, score = first[1], first[2]
  deadline = head and tonumber(redis.call('HGET', NOTIFICATION(head), 'deadline') or nil)
  local late = head and score ~= IN_FLIGHT and deadline and deadline <= now
  if late then
    finish(head, mobile, now, 'waiting', 'expired', 'deadline')
  end
until not late

if not head then
  redis.call('ZREM', AGENDA, mobile)
  return denied
end
local call =
  redis.call('HMGET', NOTIFICATION(head), 'template', 'params', 'attempts', 'unconfirmed', 'policy', 'token', 'lease')
if score == IN_FLIGHT then
  -- The same attempt asks again when a reply of ours was lost.
  return call[6] == token and grant(head, call, deadline, call[7] - lease) or denied
end
if tonumber(score) > 0 or free_at(mobile) > now then
  schedule(mobile, now)
  return denied
end
local gate = account_gate(now)
if gate == 'closed' then
  return look_again(now)
end
if interval > 0 then
  local free = rate_free_at(interval)
  if free > now then
    return look_again(free)
  end
  redis.call('SET', RATE, math.max(now, free + rate_slack(interval)) + interval, 'PX', 1000 + math.ceil(interval))
end

if gate == 'probe' then
  redis.call('HSET', ACCOUNT, 'probe', token, 'until', now + lease)
end
local stamps = stamps_of(mobile)
stamps[#stamps + 1] = now
keep_stamps(mobile, stamps)
call[3] = redis.call('HINCRBY', NOTIFICATION(head), 'attempts', 1)
redis.call('HSET', NOTIFICATION(head), 'token', token, 'lease', now + lease)
redis.call('ZADD', line, IN_FLIGHT, head)
redis.call('ZADD', CALLING, now + lease, head)
redis.call('ZADD', AGENDA, now + lease, mobile)
move(head, now, 'waiting', 'calling', 'attempt', call[3])
return grant(head, call, deadline, now)
