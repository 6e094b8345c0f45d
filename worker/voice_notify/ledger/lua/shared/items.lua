-- Many items in one call, one after the other, each as if it came alone.
--- @include "contract"
--- @include "counters"

-- The replies of `handle` to each item. An item that fails, as with a damaged record, is answered with its error, and neither
-- the others nor their counts suffer: so `handle` reads and checks before it writes.
local function each_item(handle)
  local replies = {}
  while next_argument <= #ARGV do
    local done, reply = pcall(handle, next_item())
    if done then
      keep_counts()
      replies[#replies + 1] = pack_reply(reply)
    else
      drop_counts()
      replies[#replies + 1] = type(reply) == 'table' and reply.err or tostring(reply)
    end
  end
  return replies
end
