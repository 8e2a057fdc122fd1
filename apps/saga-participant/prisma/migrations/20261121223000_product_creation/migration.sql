-- compat: expand
-- Who created a product under which Idempotency-Key, and what was asked for: a repeated request finds its product again.
ALTER TABLE products
  ADD COLUMN creation_key CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD COLUMN creation_hash CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
  ADD UNIQUE KEY uq_products_creation (creation_key);
