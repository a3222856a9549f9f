import { spawnSync } from 'node:child_process';
import { chromium, type Browser } from 'playwright-core';
import { findProgram } from '../../deploy/src/servers/nats-binary.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'] as const;
const INSTALLED_WITHIN_MS = 300_000;

/** A real browser without a window: the system's own, installed with apt-get by root where there is none. Throws what to do otherwise. */
export function openBrowser(): Promise<Browser> {
  const executablePath = find() ?? install();
  // Root's browser has no sandbox of its own to give; the pages it opens are ours.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

function find(): string | undefined {
  return NAMES.map((name) => findProgram(name)).find((path) => path !== undefined);
}

function install(): string {
  const apt = findProgram('apt-get');
  if (apt === undefined || process.getuid?.() !== 0)
    throw new Error('chromium is missing: install it (Debian: apt-get install chromium)');
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: INSTALLED_WITHIN_MS,
    encoding: 'utf8',
  } as const;
  spawnSync(apt, ['update', '-qq'], options);
  const { stderr } = spawnSync(apt, ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], options);
  return find() ?? failed(stderr);
}

function failed(output: string): never {
  throw new Error(`chromium is missing and apt-get did not install it: ${output.trimEnd().split('\n').slice(-5).join('\n')}`);
}
