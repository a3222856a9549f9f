import { migrationMain } from '#platform';
import { MIGRATIONS, SCHEMA } from './migrations/index.js';

await migrationMain({ service: 'access-gateway', schema: SCHEMA, migrations: MIGRATIONS });
