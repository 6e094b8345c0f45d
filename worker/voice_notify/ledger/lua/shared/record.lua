-- A notification's record, and where it stands besides its line.

local NOTIFICATION = P .. 'notification:'
local DEADLINES = P .. 'deadlines'
