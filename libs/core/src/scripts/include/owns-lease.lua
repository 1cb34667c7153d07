-- Whether a score of the lease set is one of `leases`, the scores that this server may have written last ("1700000031" or
-- "1700000031,1700000036"). A lost lease has no score, or that of its next owner.
local function isNamed(score, leases)
  return score == leases or score and string.find(',' .. leases .. ',', ',' .. score .. ',', 1, true) ~= nil
end

local function ownsLease(leaseKey, taskId, leases)
  return isNamed(redis.call('ZSCORE', leaseKey, taskId), leases)
end
