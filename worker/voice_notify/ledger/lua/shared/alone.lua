-- One of many, as if it came alone: one that fails, as with a damaged record, harms neither the others nor their counts.
--- @include "counters"

-- Whether `handle` could do it, and what it returned, or why not. It reads and checks before it writes.
local function handle_alone(handle, ...)
  local done, reply = pcall(handle, ...)
  if done then
    keep_counts()
    return true, reply
  end
  drop_counts()
  return false, type(reply) == 'table' and reply.err or tostring(reply)
end
