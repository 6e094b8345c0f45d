-- The line of one number. Scores: `-inf`, the one call in flight; negative, ready, by priority, then order of submission;
-- positive, scheduled, by priority, then the time (ms) at which it becomes ready.
--- @include "bands"

local LINE = P .. 'line:'
local IN_FLIGHT = '-inf'

-- 2^44 submissions fit below each priority.
local READY_BAND, READY = 2 ^ 44, -2 ^ 48

local function ready_score(priority, seq)
  return (9 - priority) * READY_BAND + seq + READY
end

-- The score of a notification that is ready at its place, or scheduled for `ready_at`.
local function score_in_line(priority, seq, ready_at, now)
  return ready_at > now and banded(priority, ready_at) or ready_score(priority, seq)
end
