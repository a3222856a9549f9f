import type { Service } from './service-names.js';

/**
 * Left to itself V8 lets the young generation of a busy process grow to 128 MB and the old one to several times what lives in it before it
 * collects, and gives little of it back: 350 to 460 MB resident where 60 live (docs/performance.md, "Memory"). So:
 * - a young generation of twice this many MB (V8 keeps two halves);
 * - the first collection of everything at 64 MB, and each next when 40 % more than what lived after the last has come.
 * No hard limit: what an export, an import or a rewind honestly needs it gets, up to V8's own limit, as before.
 */
function collectedEarly(halfOfYoungMegabytes: number): readonly string[] {
  return [`--max-semi-space-size=${halfOfYoungMegabytes}`, '--initial-old-space-size=64', '--heap-growing-percent=40'];
}

/** Flags of Node for each service, wherever it is started; for those who start services by themselves they stand in the README. */
export const NODE_FLAGS: Readonly<Record<Service, readonly string[]>> = {
  'crm-core': collectedEarly(16),
  'access-gateway': collectedEarly(16),
  'activity-monitor': collectedEarly(8),
  /**
   * The open port is fed by strangers: a small heap (megabytes) keeps what their bodies leave behind from growing the process. What may wait
   * for the disk is bounded far below it (`MAX_PENDING_BYTES` of the spool).
   */
  'lead-ingest': ['--max-semi-space-size=4', '--max-old-space-size=128'],
};
