import { availableParallelism } from 'node:os';
import { startLaneThread } from '../rebuild/worker-lane.js';

/** More lanes than this find nothing more to do: PostgreSQL writes what they make. */
const LANES_MAX = 4;

/**
 * `npm run rebuild`: every read model anew, beside the live ones, swapped in. With `--verify`: compared, and nothing changed.
 * The lanes load their code while this thread loads its own.
 */
const threads = Array.from({ length: Math.min(LANES_MAX, availableParallelism()) }, startLaneThread);
const { rebuildTool } = await import('./rebuild-tool.js');
process.exitCode = await rebuildTool(threads);
