import { migrationMain } from '#platform';
import { MIGRATIONS } from './migrations/index.js';

await migrationMain({ ...MIGRATIONS, service: 'activity-monitor' });
