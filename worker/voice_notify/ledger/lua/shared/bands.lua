-- Sorted sets in the order of priority, then time: each priority has a band of scores, the highest first.

local BAND = 2 ^ 42 -- milliseconds: times until the year 2109 fit

local function banded(priority, at)
  return (9 - priority) * BAND + at
end
