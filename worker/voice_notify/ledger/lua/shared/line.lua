-- The line of one number. Scores: `-inf`, the one call in flight; negative, ready, by priority, then order of submission;
-- positive, scheduled: the time (ms) at which it becomes ready.

local LINE = P .. 'line:'
local IN_FLIGHT = '-inf'

-- Ready scores are negative and ordered by priority, then submission; 2^44 submissions fit below each priority.
local function ready_score(priority, seq)
  return (9 - priority) * 2 ^ 44 + seq - 2 ^ 48
end

-- The score of a notification that is ready at `place`, or scheduled for `ready_at`.
local function score_in_line(place, ready_at, now)
  return ready_at > now and ready_at or place
end

-- How many in line are called before a notification that stands, or will stand, at `place`, and how many behind it.
local function others_in_line(mobile, place)
  local at = string.format('(%.0f', place)
  return redis.call('ZCOUNT', LINE .. mobile, '(-inf', at), redis.call('ZCOUNT', LINE .. mobile, at, '(0')
end
