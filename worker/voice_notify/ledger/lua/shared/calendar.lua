-- The provider's days (PROVIDER.md, code 606), counted from 1970-01-01 in China time, which has no daylight saving.

local DAY_MS, CHINA_MS = 86400000, 28800000

local function day_of(ms)
  return math.floor((ms + CHINA_MS) / DAY_MS)
end
