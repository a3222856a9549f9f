import { PartWorker } from '../part-work/part-worker.js';
import type { Claim } from './export-work.js';

/** One gateway's work at exports. */
export class ExportWorker extends PartWorker<Claim> {}
