import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { grantsTemplate, shopGrantsTemplate } from './render-grants';

const folder = join(__dirname, '..', '..', '..', 'infra', 'mysql');
writeFileSync(join(folder, 'grants.sql.tmpl'), grantsTemplate());
writeFileSync(join(folder, 'shop-grants.sql.tmpl'), shopGrantsTemplate());
