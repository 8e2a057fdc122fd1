-- compat: expand
-- How far the reading of the binlog has come and who reads it; the heartbeat of the caches.

CREATE TABLE binlog_positions (
  source VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  epoch BIGINT NOT NULL DEFAULT 0,
  lease_owner VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  lease_until TIMESTAMP(3) NULL DEFAULT NULL,
  server VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  file VARCHAR(255) NULL,
  position BIGINT NULL,
  updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  PRIMARY KEY (source)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE cache_heartbeats (
  source VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  beat BIGINT NOT NULL,
  acknowledged BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (source)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
