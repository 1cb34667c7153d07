-- Whether the score that lies in the lease set is one of `leases`, the scores its server may have written last
-- ("1700000031" or "1700000031,1700000036"). A lost lease has no score, or that of its next owner.
local function ownsLease(leaseKey, taskId, leases)
  local score = redis.call('ZSCORE', leaseKey, taskId)
  return score and string.find(',' .. leases .. ',', ',' .. score .. ',', 1, true) ~= nil
end
