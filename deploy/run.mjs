// npm run demo, bench and the like: the same set-up as npm start, then one compiled program on Node 24, with the arguments given.
import { join } from 'node:path';
import { fail, NODE, ROOT, runInstead, setUp } from './setup.mjs';

const [program, ...args] = process.argv.slice(2);
if (program === undefined) fail('no program was named', 'node deploy/run.mjs deploy/demo/demo.js');
await setUp();
runInstead(NODE, ['--enable-source-maps', join(ROOT, 'dist', program), ...args]);
