-- Pauses or resumes the account by hand. A pause by hand has no probe: it stays until resumed.
--   ARGV 1 'pause' | 'resume'  2 a person's words on why
-- Reply: 1 if that changed something, else 0.
local now = clock_ms()
if ARGV[1] == 'resume' then
  local paused = is_paused()
  resume()
  return paused and 1 or 0
end
if redis.call('HGET', ACCOUNT, 'reason') == 'manual' then
  return 0
end
redis.call('DEL', ACCOUNT)
pause(now, 'manual', ARGV[2], 0, 0)
return 1
