-- compat: expand
-- When the activity's keys were (or are about to be) removed from Redis. The indexes are for the rounds that look for activities not drained
-- and for drained ones not archived, however many have ended.
ALTER TABLE flash_sale_activities
  ADD COLUMN archived_at TIMESTAMP(3) NULL,
  ADD INDEX idx_activities_drained (drained_at),
  ADD INDEX idx_activities_archived (archived_at, drained_at);
