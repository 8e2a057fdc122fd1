-- compat: expand
-- Terms of tiers and of buy X get Y; every change of a coupon's status; a coupon is logged as used once per order.

ALTER TABLE coupon_templates
  ADD COLUMN rule_args JSON NULL;

CREATE TABLE user_coupon_transitions (
  id BIGINT NOT NULL AUTO_INCREMENT,
  user_coupon_id BIGINT NOT NULL,
  from_status TINYINT NOT NULL,
  to_status TINYINT NOT NULL,
  order_sn VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  reason VARCHAR(64) NOT NULL,
  at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY idx_transitions_user_coupon (user_coupon_id, id),
  KEY idx_transitions_order (order_sn)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

ALTER TABLE coupon_usage_logs
  ADD COLUMN reverted_time TIMESTAMP(3) NULL DEFAULT NULL,
  ADD UNIQUE KEY uq_usage_logs_coupon_order (user_coupon_id, order_sn);

-- One index and no more: it is NULL for all but locked coupons, so that storing the winners of a sale only appends to it.
ALTER TABLE user_coupons
  ADD KEY idx_user_coupons_lock (lock_expires_at);
