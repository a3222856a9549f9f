// npm start: installs and builds what is missing, then hands over to Node 24 and the start in deploy/src/start.ts.
import { join } from 'node:path';
import { NODE, ROOT, runInstead, setUp } from './setup.mjs';

await setUp();
const start = join(ROOT, 'dist', 'deploy', 'src', 'start.js');
runInstead(NODE, ['--enable-source-maps', start, ...process.argv.slice(2)], { channel: true });
