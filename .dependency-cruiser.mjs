/**
 * The fence between the parts (ARCHITECTURE.md, "Libraries"). test/architecture plants a violation of every rule and expects it
 * caught, and fails when no modules were seen.
 */
const LIB_MAY_IMPORT = {
  kernel: [],
  contracts: ['kernel'],
  'event-store': ['kernel'],
  messaging: ['kernel'],
  policy: ['kernel'],
  privacy: ['kernel'],
  platform: ['kernel', 'messaging'],
};

/** What a lib is entered by. */
const DOORS = '^libs/([^/]+/src/index|platform/src/base)\\.ts$';

/** Specs and what only they use: `*.fixture.ts`, and the folder `test` of an app. */
const FOR_TESTS = '(\\.spec\\.ts|\\.fixture\\.ts|^apps/[^/]+/test/.+)$';

const libRules = Object.entries(LIB_MAY_IMPORT).map(([lib, allowed]) => ({
  name: `lib-${lib}`,
  comment: `libs/${lib} may import ${allowed.length === 0 ? 'no other lib' : allowed.join(' and ')}.`,
  severity: 'error',
  from: { path: `^libs/${lib}/`, pathNot: FOR_TESTS },
  to: { path: '^libs/', pathNot: `^libs/(${[lib, ...allowed].join('|')})/` },
}));

export default {
  forbidden: [
    ...libRules,
    {
      name: 'libs-not-apps',
      comment: 'Libraries never import applications; only the test harness starts them.',
      severity: 'error',
      from: { path: '^libs/', pathNot: '^libs/testing/' },
      to: { path: '^(apps|deploy|bench|test)/' },
    },
    {
      name: 'apps-not-apps',
      comment: 'Applications meet in contracts, never in each other.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'apps-not-deploy',
      comment: 'A service knows nothing of how it is started.',
      severity: 'error',
      from: { path: '^apps/' },
      to: { path: '^(deploy|bench|test)/' },
    },
    {
      name: 'door',
      comment: 'A lib is entered by its index.ts only (platform by base.ts too).',
      severity: 'error',
      from: { path: '^(apps|deploy|bench|test)/' },
      to: { path: '^libs/[^/]+/src/', pathNot: DOORS },
    },
    {
      name: 'door-between-libs',
      comment: 'A lib enters another by its index.ts only (platform by base.ts too).',
      severity: 'error',
      from: { path: '^libs/([^/]+)/' },
      to: { path: '^libs/[^/]+/src/', pathNot: ['^libs/$1/', DOORS] },
    },
    {
      name: 'testing-in-tests',
      comment: 'The test harness is imported by tests and their fixtures only.',
      severity: 'error',
      from: { path: '^(apps|libs|deploy|bench)/', pathNot: [FOR_TESTS, '^libs/testing/'] },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'fixtures-in-tests',
      comment: 'What is made for tests is imported by tests only.',
      severity: 'error',
      from: { path: '^(apps|libs|deploy|bench)/', pathNot: [FOR_TESTS, '^libs/testing/'] },
      to: { path: FOR_TESTS },
    },
    {
      name: 'pure-kernel',
      comment: 'The kernel has no I/O and no packages.',
      severity: 'error',
      from: { path: '^libs/kernel/', pathNot: FOR_TESTS },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev'] },
    },
    {
      name: 'pure-domain',
      comment: 'Rules have no I/O: a domain folder imports kernel, policy, privacy, contracts and other domain code.',
      severity: 'error',
      from: { path: '/domain/', pathNot: '\\.spec\\.ts$' },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev'],
        pathNot: ['node_modules/zod/', 'node_modules/luxon/', 'node_modules/@types/'],
      },
    },
    {
      name: 'pure-domain-libs',
      comment: 'Rules know neither the log nor the broker nor the framework.',
      severity: 'error',
      from: { path: '/domain/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/(event-store|messaging|platform)/' },
    },
    { name: 'no-circles', comment: 'No import circles.', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolvable',
      comment: 'Every import resolves.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // The built tree only: many packages have a folder of that name, and edges to them must be seen.
    exclude: { path: '^(dist|\\.data)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'types', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
