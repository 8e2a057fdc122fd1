/** Columns of coupon_templates that the counts hold and the terms do not. */
export const TEMPLATE_COLUMNS_OF_COUNTS = ['used_count', 'allocated_count', 'updated_at'] as const;
/** The same of flash_sale_activities. */
export const ACTIVITY_COLUMNS_OF_COUNTS = ['success_count', 'updated_at'] as const;
