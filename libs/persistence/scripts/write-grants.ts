import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { grantsTemplate } from './render-grants';

writeFileSync(join(__dirname, '..', '..', '..', 'infra', 'mysql', 'grants.sql.tmpl'), grantsTemplate());
