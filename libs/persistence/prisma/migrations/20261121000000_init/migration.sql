-- compat: expand
-- Every TIMESTAMP states NULL or NOT NULL and its default, and none has ON UPDATE but updated_at: nothing is left to
-- explicit_defaults_for_timestamp. Identifiers compare byte by byte (ascii_bin, utf8mb4_bin): an Idempotency-Key is case-sensitive.

CREATE TABLE coupon_templates (
  id BIGINT NOT NULL AUTO_INCREMENT,
  name VARCHAR(100) NOT NULL,
  type TINYINT NOT NULL,
  discount_type TINYINT NOT NULL,
  discount_value DECIMAL(10,2) NOT NULL,
  min_amount DECIMAL(10,2) NOT NULL DEFAULT 0,
  total_count INT NOT NULL,
  used_count INT NOT NULL DEFAULT 0,
  per_user_limit INT NOT NULL DEFAULT 1,
  valid_start_time TIMESTAMP(3) NOT NULL DEFAULT '1970-01-01 00:00:01.000',
  valid_end_time TIMESTAMP(3) NOT NULL DEFAULT '1970-01-01 00:00:01.000',
  applicable_goods TEXT NULL,
  applicable_categories TEXT NULL,
  status TINYINT NOT NULL DEFAULT 1,
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  max_discount DECIMAL(10,2) NULL,
  priority INT NOT NULL DEFAULT 0,
  stack_group VARCHAR(64) NULL,
  stackable TINYINT(1) NOT NULL DEFAULT 1,
  excluded_goods TEXT NULL,
  excluded_categories TEXT NULL,
  valid_days_after_claim INT NULL,
  time_zone VARCHAR(64) NOT NULL DEFAULT 'UTC',
  version INT NOT NULL DEFAULT 1,
  allocated_count INT NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  KEY idx_templates_status_valid (status, valid_start_time, valid_end_time),
  KEY idx_templates_type (type),
  CONSTRAINT ck_templates_counts CHECK (total_count >= 1 AND used_count >= 0 AND per_user_limit BETWEEN 1 AND 999),
  CONSTRAINT ck_templates_allocated CHECK (allocated_count >= 0 AND allocated_count <= total_count)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE user_coupons (
  id BIGINT NOT NULL AUTO_INCREMENT,
  coupon_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  coupon_sn VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status TINYINT NOT NULL DEFAULT 1,
  obtain_time TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  used_time TIMESTAMP(3) NULL DEFAULT NULL,
  order_sn VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  valid_start_time TIMESTAMP(3) NOT NULL DEFAULT '1970-01-01 00:00:01.000',
  valid_end_time TIMESTAMP(3) NOT NULL DEFAULT '1970-01-01 00:00:01.000',
  activity_id BIGINT NULL,
  claim_id CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NULL,
  slot INT NULL,
  source VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  lock_expires_at TIMESTAMP(3) NULL DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uq_user_coupons_sn (coupon_sn),
  UNIQUE KEY uq_user_coupons_slot (activity_id, user_id, slot),
  KEY idx_user_coupons_user_status (user_id, status),
  KEY idx_user_coupons_coupon (coupon_id),
  KEY idx_user_coupons_valid (valid_start_time, valid_end_time),
  KEY idx_user_coupons_claim (claim_id),
  CONSTRAINT fk_user_coupons_template FOREIGN KEY (coupon_id) REFERENCES coupon_templates (id) ON DELETE RESTRICT ON UPDATE RESTRICT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE coupon_usage_logs (
  id BIGINT NOT NULL AUTO_INCREMENT,
  user_coupon_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  order_sn VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  original_amount DECIMAL(10,2) NOT NULL,
  discount_amount DECIMAL(10,2) NOT NULL,
  final_amount DECIMAL(10,2) NOT NULL,
  used_time TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY idx_usage_logs_user_coupon (user_coupon_id),
  KEY idx_usage_logs_user (user_id),
  KEY idx_usage_logs_order (order_sn),
  KEY idx_usage_logs_used (used_time),
  CONSTRAINT fk_usage_logs_user_coupon FOREIGN KEY (user_coupon_id) REFERENCES user_coupons (id) ON DELETE RESTRICT ON UPDATE RESTRICT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE flash_sale_activities (
  id BIGINT NOT NULL AUTO_INCREMENT,
  coupon_id BIGINT NOT NULL,
  name VARCHAR(100) NOT NULL,
  total_count INT NOT NULL,
  success_count INT NOT NULL DEFAULT 0,
  start_time TIMESTAMP(3) NOT NULL DEFAULT '1970-01-01 00:00:01.000',
  end_time TIMESTAMP(3) NOT NULL DEFAULT '1970-01-01 00:00:01.000',
  per_user_limit INT NOT NULL DEFAULT 1,
  status TINYINT NOT NULL DEFAULT 1,
  paused_at TIMESTAMP(3) NULL DEFAULT NULL,
  epoch INT NOT NULL DEFAULT 1,
  drained_at TIMESTAMP(3) NULL DEFAULT NULL,
  version INT NOT NULL DEFAULT 1,
  loaded_at TIMESTAMP(3) NULL DEFAULT NULL,
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY idx_activities_coupon (coupon_id),
  KEY idx_activities_time (start_time, end_time),
  KEY idx_activities_status (status),
  CONSTRAINT ck_activities_counts CHECK (total_count >= 1 AND success_count >= 0 AND success_count <= total_count),
  CONSTRAINT fk_activities_template FOREIGN KEY (coupon_id) REFERENCES coupon_templates (id) ON DELETE RESTRICT ON UPDATE RESTRICT
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE claim_events (
  activity_id BIGINT NOT NULL,
  event_seq BIGINT NOT NULL,
  claim_id CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  user_id BIGINT NOT NULL,
  quantity INT NOT NULL,
  kind TINYINT NOT NULL,
  epoch INT NOT NULL,
  idempotency_key VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  at TIMESTAMP(3) NOT NULL DEFAULT '1970-01-01 00:00:01.000',
  PRIMARY KEY (activity_id, event_seq),
  KEY idx_claim_events_claim (claim_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE dead_letters (
  id BIGINT NOT NULL AUTO_INCREMENT,
  event_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  queue VARCHAR(128) NOT NULL,
  activity_id BIGINT NULL,
  event_seq BIGINT NULL,
  claim_id CHAR(26) CHARACTER SET ascii COLLATE ascii_bin NULL,
  reason_code VARCHAR(64) NOT NULL,
  reason TEXT NOT NULL,
  body MEDIUMTEXT NOT NULL,
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  replayed_at TIMESTAMP(3) NULL DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uq_dead_letters_event (event_id),
  KEY idx_dead_letters_activity_seq (activity_id, event_seq)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE operations (
  id BIGINT NOT NULL AUTO_INCREMENT,
  operation_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  kind VARCHAR(32) NOT NULL,
  activity_id BIGINT NULL,
  active_key VARCHAR(96) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
  state VARCHAR(32) NOT NULL,
  payload JSON NOT NULL,
  result JSON NULL,
  attempts INT NOT NULL DEFAULT 0,
  last_error TEXT NULL,
  lease_owner VARCHAR(64) NULL,
  lease_until TIMESTAMP(3) NULL DEFAULT NULL,
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  finished_at TIMESTAMP(3) NULL DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uq_operations_operation (operation_id),
  UNIQUE KEY uq_operations_active (active_key),
  KEY idx_operations_open (finished_at, lease_until),
  KEY idx_operations_activity (activity_id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE audit_log (
  id BIGINT NOT NULL AUTO_INCREMENT,
  at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  actor VARCHAR(64) NOT NULL,
  role VARCHAR(32) NOT NULL,
  action VARCHAR(64) NOT NULL,
  entity VARCHAR(64) NOT NULL,
  entity_id VARCHAR(64) NOT NULL,
  `before` JSON NULL,
  `after` JSON NULL,
  request_id VARCHAR(64) NOT NULL,
  PRIMARY KEY (id),
  KEY idx_audit_entity (entity, entity_id),
  KEY idx_audit_actor (actor),
  KEY idx_audit_at (at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE idempotency_keys (
  scope VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  idem_key VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  request_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  status INT NULL,
  response JSON NULL,
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  PRIMARY KEY (scope, idem_key),
  KEY idx_idempotency_created (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE outbox (
  id BIGINT NOT NULL AUTO_INCREMENT,
  event_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  routing_key VARCHAR(128) NOT NULL,
  headers JSON NOT NULL,
  body JSON NOT NULL,
  created_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  published_at TIMESTAMP(3) NULL DEFAULT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uq_outbox_event (event_id),
  KEY idx_outbox_unpublished (published_at, id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE barrier (
  id BIGINT NOT NULL AUTO_INCREMENT,
  trans_type VARCHAR(45) NOT NULL DEFAULT '',
  gid VARCHAR(128) NOT NULL DEFAULT '',
  branch_id VARCHAR(128) NOT NULL DEFAULT '',
  op VARCHAR(45) NOT NULL DEFAULT '',
  barrier_id VARCHAR(45) NOT NULL DEFAULT '',
  reason VARCHAR(45) NOT NULL DEFAULT '',
  create_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  update_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (id),
  UNIQUE KEY uq_barrier (gid, branch_id, op, barrier_id),
  KEY idx_barrier_create (create_time),
  KEY idx_barrier_update (update_time)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
