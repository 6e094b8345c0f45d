-- Many items in one call, one after the other.
--- @include "contract"
--- @include "alone"

-- The replies of `handle` to each item; one that fails is answered with its error.
local function each_item(handle)
  local replies = {}
  while next_argument <= #ARGV do
    local done, reply = handle_alone(handle, next_item())
    replies[#replies + 1] = done and pack_reply(reply) or reply
  end
  return replies
end
