import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, plantTree, ROOT, type Cruise } from './planted-tree.fixture.js';

const importing = (...what: readonly string[]): string => what.map((path) => `import '${path}';\n`).join('');

/** What the planted files import from. */
const NEIGHBOURS: Readonly<Record<string, string>> = {
  'libs/kernel/src/inner.ts': 'export const inner = true;\n',
  'libs/kernel/src/base.ts': 'export const base = true;\n',
  'libs/platform/src/base.ts': 'export const base = true;\n',
  'apps/crm-core/src/main.ts': importing('#kernel', '#contracts', '#platform'),
  'deploy/src/start.ts': importing('#platform'),
  'bench/bench.ts': importing('#contracts'),
  'deploy/src/half-circle.ts': importing('./circle.js'),
  'apps/crm-core/src/fine.fixture.ts': importing('#testing'),
  'apps/crm-core/test/fine-fixture.ts': importing('#testing'),
};

/** Every rule broken once or more: the rule, the file, what it imports. */
const VIOLATIONS: readonly (readonly [rule: string, file: string, imported: string])[] = [
  ['lib-kernel', 'libs/kernel/src/planted.ts', '#contracts'],
  ['lib-contracts', 'libs/contracts/src/planted.ts', '#policy'],
  ['lib-event-store', 'libs/event-store/src/planted.ts', '#messaging'],
  ['lib-messaging', 'libs/messaging/src/planted.ts', '#contracts'],
  ['lib-policy', 'libs/policy/src/planted.ts', '#contracts'],
  ['lib-privacy', 'libs/privacy/src/planted.ts', '#platform'],
  ['lib-platform', 'libs/platform/src/planted.ts', '#privacy'],
  ['libs-not-apps', 'libs/policy/src/planted-app.ts', '../../../apps/crm-core/src/main.js'],
  ['libs-not-apps', 'libs/platform/src/planted-deploy.ts', '../../../deploy/src/start.js'],
  ['apps-not-apps', 'apps/lead-ingest/src/planted.ts', '../../crm-core/src/main.js'],
  ['apps-not-deploy', 'apps/lead-ingest/src/planted-deploy.ts', '../../../deploy/src/start.js'],
  ['apps-not-deploy', 'apps/lead-ingest/src/planted-bench.ts', '../../../bench/bench.js'],
  ['door', 'apps/crm-core/src/planted-door.ts', '../../../libs/kernel/src/inner.js'],
  ['door', 'test/journeys/planted.e2e.spec.ts', '../../libs/kernel/src/inner.js'],
  ['door', 'apps/crm-core/src/planted-base.ts', '../../../libs/kernel/src/base.js'],
  ['door-between-libs', 'libs/event-store/src/planted-door.ts', '../../kernel/src/inner.js'],
  ['testing-in-tests', 'apps/crm-core/src/planted-testing.ts', '#testing'],
  ['testing-in-tests', 'deploy/src/planted-testing.ts', '#testing'],
  ['fixtures-in-tests', 'apps/crm-core/src/planted-fixture.ts', './fine.fixture.js'],
  ['fixtures-in-tests', 'apps/crm-core/src/planted-folder.ts', '../test/fine-fixture.js'],
  ['pure-kernel', 'libs/kernel/src/planted-file.ts', 'node:fs'],
  ['pure-kernel', 'libs/kernel/src/planted-package.ts', 'zod'],
  ['pure-domain', 'apps/crm-core/src/deals/domain/planted-file.ts', 'node:fs'],
  ['pure-domain', 'apps/crm-core/src/deals/domain/planted-package.ts', 'uuid'],
  ['pure-domain-libs', 'apps/crm-core/src/deals/domain/planted-log.ts', '#event-store'],
  ['pure-domain-libs', 'apps/crm-core/src/deals/domain/planted-framework.ts', '#platform'],
  ['resolvable', 'apps/crm-core/src/planted-nowhere.ts', './nowhere.js'],
  ['resolvable', 'apps/crm-core/src/planted-alias.ts', '#nowhere'],
  // A circle is told of once, at one of its files.
  ['no-circles', 'deploy/src/circle.ts', './half-circle.js'],
];

/** Next to each fence, on the right side of it. */
const FINE: Readonly<Record<string, string>> = {
  'libs/platform/src/fine.ts': importing('#kernel', '#messaging', 'node:fs', 'pino'),
  'libs/policy/src/fine.int.spec.ts': importing('#testing'),
  'libs/testing/src/fine.ts': importing('#policy', '../../../apps/crm-core/src/main.js', '../../../deploy/src/start.js'),
  'libs/kernel/src/fine.unit.spec.ts': importing('node:util', './inner.js'),
  'apps/crm-core/src/fine.int.spec.ts': importing('#testing', './fine.fixture.js', '../test/fine-fixture.js'),
  'apps/crm-core/src/deals/domain/fine.ts': importing('#kernel', '#contracts', '#policy', '#privacy', 'zod', 'luxon'),
  'apps/crm-core/src/fine.ts': importing('#platform/base'),
  'apps/access-gateway/src/fine.ts': importing('#kernel', '#event-store', 'pg', 'node:crypto'),
};

describe('the fence between the parts', () => {
  let root: string;
  let planted: Cruise;

  beforeAll(async () => {
    const violations = Object.fromEntries(VIOLATIONS.map(([, file, imported]) => [file, importing(imported)]));
    root = plantTree({ ...NEIGHBOURS, ...FINE, ...violations });
    planted = await cruise(root);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('sees every planted file', () => {
    for (const file of [...VIOLATIONS.map(([, path]) => path), ...Object.keys(FINE)]) expect(planted.modules).toContain(file);
  });

  it.each(VIOLATIONS)('%s catches %s, and no other rule does', (rule, file) => {
    expect(planted.broken.get(file)).toEqual([rule]);
  });

  it('catches nothing else', () => {
    const known = new Set(VIOLATIONS.map(([, file]) => file));
    expect([...planted.broken].filter(([file]) => !known.has(file))).toEqual([]);
  });

  it('has a planted violation for every rule', async () => {
    const fence = (await import(join(ROOT, '.dependency-cruiser.mjs'))) as { default: { forbidden: { name: string }[] } };
    const rules = fence.default.forbidden.map(({ name }) => name);
    expect(new Set(VIOLATIONS.map(([rule]) => rule))).toEqual(new Set(rules));
  });

  it('holds in this tree, of which it sees the modules', async () => {
    const { modules, broken } = await cruise(ROOT);
    const own = modules.filter((module) => !module.includes('node_modules'));
    expect(own.length).toBeGreaterThan(100);
    expect(own.filter((module) => /^libs\/[^/]+\/src\/index\.ts$/.test(module))).toHaveLength(8);
    expect(Object.fromEntries(broken)).toEqual({});
  });
});
