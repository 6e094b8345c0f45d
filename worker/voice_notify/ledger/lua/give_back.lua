-- Ends the lease of lines that were claimed for a wake-up and could not be begun: they are due again as they were.
--   ARGV ids, each names a line
-- Reply: nothing.
local now = clock_ms()
for i = 1, #ARGV do
  local mobile = redis.call('HGET', NOTIFICATION .. ARGV[i], 'mobile')
  if mobile then
    schedule(mobile, now)
  end
end
write_counts(now)
