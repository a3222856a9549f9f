import { PartWorker } from '../part-work/part-worker.js';
import type { ImportClaim } from './import-work.js';

/** One gateway's work at imports. */
export class ImportWorker extends PartWorker<ImportClaim> {}
