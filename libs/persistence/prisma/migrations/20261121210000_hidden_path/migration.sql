-- compat: expand
-- Claims of such an activity need a purchase token.

ALTER TABLE flash_sale_activities
  ADD COLUMN hidden_path TINYINT(1) NOT NULL DEFAULT 0;
