import { readFileSync, writeFileSync } from 'node:fs';
import { STATUS_CODES } from 'node:http';
import { dirname, join } from 'node:path';
import { PROBLEMS, type Problem } from '#contracts';
import { thrownCodes } from './thrown-codes.fixture.js';

const ROOT = dirname(dirname(import.meta.dirname));
const DOCUMENT = join(ROOT, 'docs', 'problems.md');

/** Said between services only: it never leaves one over HTTP, and would be `internal` there. */
const BETWEEN_SERVICES: Readonly<Record<string, string>> = {
  'unknown-key': 'core to gateway: the body was sealed to another key; the gateway asks for the key and sends it once more',
};
/** They refuse with a code that they were given; everybody else names it by a literal. */
const PASSING_ON = [
  'apps/access-gateway/src/core/core-client.ts',
  'apps/access-gateway/src/watching/monitor-client.ts',
  'libs/kernel/src/domain-error.ts',
  'libs/messaging/src/request.ts',
  'libs/platform/src/problem-responses.ts',
];

describe('the catalogue of problems', () => {
  const { codes, passingOn, filesRead } = thrownCodes(ROOT, ['apps', 'libs']);

  it('is compared with sources that were read', () => {
    expect(filesRead).toBeGreaterThan(100);
    expect([...passingOn].sort()).toEqual(PASSING_ON);
  });

  it('has every code that is refused with', () => {
    const missing = [...codes].filter(([code]) => !Object.hasOwn(PROBLEMS, code) && !Object.hasOwn(BETWEEN_SERVICES, code));
    expect(missing).toEqual([]);
  });

  it('has no code that nothing is refused with', () => {
    expect(Object.keys(PROBLEMS).filter((code) => !codes.has(code))).toEqual([]);
    expect(Object.keys(BETWEEN_SERVICES).filter((code) => !codes.has(code) || Object.hasOwn(PROBLEMS, code))).toEqual([]);
  });

  it.each(Object.entries<Problem>(PROBLEMS))('%s has a status of failure, a title and a next step', (code, problem) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(problem.status).toBeGreaterThanOrEqual(400);
    expect(STATUS_CODES[problem.status]).toBeDefined();
    expect(problem.title).toMatch(/^[A-Z].*[^.]$/);
    expect(problem.detail).toMatch(/^[A-Z].*\.$/);
  });

  it('is documented (write docs/problems.md anew with WRITE_DOCS=1)', () => {
    const expected = documented(PROBLEMS);
    if (process.env['WRITE_DOCS'] === '1') writeFileSync(DOCUMENT, expected);
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(expected);
  });
});

function documented(problems: Readonly<Record<string, Problem>>): string {
  const entries = Object.entries(problems);
  const statuses = [...new Set(entries.map(([, { status }]) => status))].sort((a, b) => a - b);
  const sections = statuses.map((status) => {
    const lines = entries
      .filter(([, problem]) => problem.status === status)
      .sort(([a], [b]) => a.localeCompare(b, 'en'))
      .map(([code, { title, detail }]) => `- \`${code}\`: ${title}. ${detail}`);
    return [`## ${status} ${STATUS_CODES[status]}`, '', ...lines, ''].join('\n');
  });
  return [INTRODUCTION, ...sections].join('\n');
}

const INTRODUCTION = `# Problems

Every error answer is \`application/problem+json\` (RFC 9457) with \`type\`, \`title\`, \`status\`, \`detail\`, \`code\` and \`requestId\`; an
invalid body adds \`errors: [{path, code, message}]\`. Decide by \`code\`: it is stable, the words are not. Nothing of a stored value, of
SQL or of a stack is in an answer. 429 and 503 carry \`Retry-After\` in seconds.

This page is made from \`libs/contracts/src/problems.ts\` by \`test/contracts/problem-catalogue.unit.spec.ts\`, which also holds the
catalogue against what the services refuse with.
`;
