"""What happens to leases in one step each, inside Redis.

A stream holds one entry a bed; the consumer group `stations` on it is the table of leases. An entry's pending record is
the lease: its consumer is the station that watches the bed, its idle time the age of the lease, its delivery count the
epoch. Redis replicates all three. The consumer `-` stands for nobody.

A plain XCLAIM takes an entry from its owner, and resets the idle time: every script checks first.
"""

__all__ = ["GROUP", "NOBODY", "PUBLISH", "REFRESH", "RELEASE", "REMOVE", "SHARE", "TAKE"]

GROUP = "stations"
NOBODY = "-"

_LOOK_UP = """
local function lease(leases, entry)
  local found = redis.call('XPENDING', leases, 'stations', entry, entry, 1)
  if #found == 0 then return '-', 2147483647, 0 end
  return found[1][2], found[1][3], found[1][4]
end
local function give(leases, entry, owner, epoch)
  redis.call('XCLAIM', leases, 'stations', owner, 0, entry, 'RETRYCOUNT', epoch, 'FORCE', 'JUSTID')
end
"""

PUBLISH = (
    _LOOK_UP
    + """
-- KEYS: beds, leases, entries, meta. ARGV: bed, document, schema, 'new' to leave a known bed as it is
local bed, document = ARGV[1], ARGV[2]
local known = redis.call('HGET', KEYS[3], bed)
if known and #redis.call('XRANGE', KEYS[2], known, known) == 0 then known = false end
if known and ARGV[4] == 'new' then return 0 end
if not known then
  if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('XGROUP', 'CREATE', KEYS[2], 'stations', '0', 'MKSTREAM') end
  known = redis.call('XADD', KEYS[2], '*', 'bed', bed)
  redis.call('HSET', KEYS[3], bed, known)
  give(KEYS[2], known, '-', 0)
end
redis.call('HSET', KEYS[1], bed, document)
redis.call('HSETNX', KEYS[4], 'schema', ARGV[3])
redis.call('HINCRBY', KEYS[4], 'version', 1)
return 1
"""
)

REMOVE = """
-- KEYS: beds, leases, entries, meta. ARGV: bed
local entry = redis.call('HGET', KEYS[3], ARGV[1])
if entry then
  redis.call('XACK', KEYS[2], 'stations', entry)
  redis.call('XDEL', KEYS[2], entry)
  redis.call('HDEL', KEYS[3], ARGV[1])
end
redis.call('HINCRBY', KEYS[4], 'version', 1)
return redis.call('HDEL', KEYS[1], ARGV[1])
"""

TAKE = (
    _LOOK_UP
    + """
-- KEYS: leases, entries, offers. ARGV: bed, station, least idle milliseconds of another's lease
local entry = redis.call('HGET', KEYS[2], ARGV[1])
if not entry then return {0, '', 0} end
local owner, idle, epoch = lease(KEYS[1], entry)
local offered = redis.call('HGET', KEYS[3], ARGV[1])
if owner ~= '-' and owner ~= ARGV[2] and idle < tonumber(ARGV[3]) and offered ~= ARGV[2] then
  return {0, owner, epoch}
end
give(KEYS[1], entry, ARGV[2], epoch + 1)
redis.call('HDEL', KEYS[3], ARGV[1])
return {1, ARGV[2], epoch + 1}
"""
)

REFRESH = (
    _LOOK_UP
    + """
-- KEYS: leases, entries. ARGV: station, then bed and epoch of every lease that it has
local answer = {}
for i = 2, #ARGV, 2 do
  local entry, mine = redis.call('HGET', KEYS[2], ARGV[i]), tonumber(ARGV[i + 1])
  if not entry then
    table.insert(answer, {-1, '', 0})
  else
    local owner, idle, epoch = lease(KEYS[1], entry)
    -- A failover may forget a lease, or give one epoch twice: the higher epoch wins, then the greater station id.
    local is_mine = mine > epoch or (mine == epoch and (owner == '-' or owner <= ARGV[1]))
    if is_mine then
      give(KEYS[1], entry, ARGV[1], mine)
      table.insert(answer, {1, ARGV[1], mine})
    else
      table.insert(answer, {0, owner, epoch})
    end
  end
end
return answer
"""
)

RELEASE = (
    _LOOK_UP
    + """
-- KEYS: leases, entries. ARGV: bed, station, epoch
local entry = redis.call('HGET', KEYS[2], ARGV[1])
if not entry then return 0 end
local owner, idle, epoch = lease(KEYS[1], entry)
if owner ~= ARGV[2] or epoch ~= tonumber(ARGV[3]) then return 0 end
give(KEYS[1], entry, '-', epoch)
return 1
"""
)

SHARE = """
-- KEYS: alarm state of one bed. ARGV: state, station, epoch. 2: stored, and another station disputes its alerts
local stored = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0') or 0
if stored > tonumber(ARGV[3]) then return 0 end
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'state', ARGV[1], 'station', ARGV[2], 'epoch', ARGV[3],
  'written_ms', now[1] * 1000 + math.floor(now[2] / 1000))
return 1 + redis.call('HDEL', KEYS[1], 'disputed')
"""
