-- One reading of the clock per script. `now` is ms since 1970.
--- @include "lib/clock"
local now, now_rank = read_clock()
