import { spawnSync } from 'node:child_process';
import { NODE_FLAGS } from './node-flags.js';
import { SERVICES } from './service-names.js';

/** Keeps 30 MB and promotes ten times as much that dies; prints the heap (bytes) it took at most and the heap it may take. */
const WORK = `
  const { getHeapStatistics } = require('node:v8');
  const megabyte = () => Array.from({ length: 16 }, () => new Array(8_192).fill(0.5));
  const kept = Array.from({ length: 30 }, megabyte);
  let passing = [];
  let most = 0;
  for (let round = 0; round < 300; round += 1) {
    passing.push(megabyte());
    if (passing.length === 40) passing = [];
    most = Math.max(most, getHeapStatistics().total_heap_size);
  }
  console.log(JSON.stringify({ most, limit: getHeapStatistics().heap_size_limit, kept: kept.length }));
`;

function heapOf(flags: readonly string[]): { readonly most: number; readonly limit: number } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', WORK], { encoding: 'utf8', env: {} });
  if (status !== 0) throw new Error(`Node ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as { most: number; limit: number };
}

it('Node knows the flags of every service', () => {
  for (const service of SERVICES) {
    const { status, stderr } = spawnSync(process.execPath, [...NODE_FLAGS[service], '-e', '0'], { encoding: 'utf8', env: {} });
    expect([service, status, stderr]).toEqual([service, 0, '']);
  }
});

it('the flags collect what died early, and take nothing from the limit of V8', () => {
  const flags = NODE_FLAGS['access-gateway'];
  const early = heapOf(flags);
  // Only the young generation is the same: of the old one V8 decides.
  const late = heapOf(flags.filter((flag) => flag.startsWith('--max-semi-space-size')));
  expect(early.most / late.most).toBeLessThan(0.7);
  expect(early.limit).toBe(late.limit);
});
