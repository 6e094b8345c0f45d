-- Takes a notification into the ledger and into its number's line, once per id and idempotency key.
--   ARGV 5 id  6 mobile  7 template  8 params (JSON)  9 priority  10 countdown, ms  11 expires, ms from now (0: never)
--        12 own on_unconfirmed ('': the settings')  13 idempotency key ('': none)  14 most open notifications in a line
--        15 ring id ('': the caller can not ring)  16 how long a ring may be under way, ms  17 most rings under way
-- Reply: {'stored' | 'duplicate' | 'full', id, opens, joins, before, behind, stamps (by commas), ring: 1 | 0}
--   opens: ms before which the number is not called; joins: ms at which it joins its line; before, behind: how many in line
--   are called before and behind it then; ring: the caller is to ring this id.
local id, mobile, key = ARGV[5], ARGV[6], ARGV[13]
local now = clock_ms()

local function reply(status, known, ring)
  local of = redis.call('HMGET', NOTIFICATION(known), 'mobile', 'priority', 'seq')
  local score = of[1] and redis.call('ZSCORE', LINE(of[1]), known)
  if not score or score == IN_FLIGHT then
    return {status, known, now, now, 0, 0, '', ring}
  end
  local opens = math.max(now, tonumber(redis.call('GET', HOLD(of[1])) or 0))
  local before, behind = others_in_line(of[1], ready_score(tonumber(of[2] or 0), tonumber(of[3])))
  local stamps = redis.call('GET', CALLS(of[1])) or ''
  return {status, known, opens, math.max(now, tonumber(score)), before, behind, stamps, ring}
end

if redis.call('EXISTS', NOTIFICATION(id)) == 1 then
  return reply('duplicate', id, 0)
end
if key ~= '' then
  local known = redis.call('GET', IDEMPOTENCY(key))
  if known and redis.call('EXISTS', NOTIFICATION(known)) == 1 then
    return reply('duplicate', known, 0)
  end
end
if redis.call('ZCARD', LINE(mobile)) >= tonumber(ARGV[14]) then
  return {'full', '', now, now, 0, 0, '', 0}
end

local priority, countdown, expires = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local seq = redis.call('INCR', SEQUENCE)
local due = now + countdown
redis.call('HSET', NOTIFICATION(id), 'mobile', mobile, 'template', ARGV[7], 'params', ARGV[8], 'seq', seq,
  'created', now, 'state', 'waiting', 'reason', countdown > 0 and 'not_before' or 'new')
if priority > 0 then
  redis.call('HSET', NOTIFICATION(id), 'priority', priority)
end
if ARGV[12] ~= '' then
  redis.call('HSET', NOTIFICATION(id), 'policy', ARGV[12])
end
if expires > 0 then
  redis.call('HSET', NOTIFICATION(id), 'deadline', now + expires)
  redis.call('ZADD', DEADLINES, now + expires, id)
end
if key ~= '' then
  redis.call('SET', IDEMPOTENCY(key), id, 'PX', RETENTION)
end
redis.call('HINCRBY', COUNTS, 'waiting', 1)
join_line(id, mobile, priority, seq, due, now)

-- Behind others the line is on the agenda already; at its head it may be the caller's to ring.
local ring = 0
if redis.call('ZRANK', LINE(mobile), id) == 0 then
  schedule(mobile, now)
  if ARGV[15] ~= '' and tonumber(redis.call('ZSCORE', AGENDA, mobile)) <= now and not is_paused() then
    redis.call('ZREMRANGEBYSCORE', RINGS, '-inf', now)
    if redis.call('ZCARD', RINGS) < tonumber(ARGV[17]) then
      local given_up = now + tonumber(ARGV[16])
      redis.call('ZADD', RINGS, given_up, ARGV[15])
      redis.call('ZADD', AGENDA, given_up, mobile)
      ring = 1
    end
  end
end
return reply('stored', id, ring)
