// npm test: the same set-up as npm start, then all tests but the long ones (npm run test:faults) in one run of jest; arguments are
// passed on to it.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { NODE, ROOT, runInstead, setUp } from './setup.mjs';

const ENDED_AFTER_MS = 30_000;
/** Lines of a failure that are told once more at the end. */
const TOLD_LINES = 12;

await setUp();
const folder = mkdtempSync(join(tmpdir(), 'palisade-results-'));
const results = join(folder, 'results.json');
const given = process.argv.slice(2);
const projects = given.includes('--selectProjects') ? [] : ['--selectProjects', 'unit', 'int', 'journeys'];
// As `npm run jest`, without npm in between: what is ended has to be jest itself.
const jest = [
  '--experimental-vm-modules',
  '--no-warnings=ExperimentalWarning',
  join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js'),
];
const running = runInstead(NODE, [...jest, '--ci', '--json', `--outputFile=${results}`, ...projects, ...given], { finish });
endWhenDone();

/** A test that failed may leave something open, and jest waits for it for ever: the results are there, so it is ended, and that counts. */
function endWhenDone() {
  const watch = setInterval(() => {
    if (!existsSync(results)) return;
    clearInterval(watch);
    setTimeout(() => {
      console.log(`\njest was ended ${ENDED_AFTER_MS / 1_000} s after its last test: something was left open`);
      running.kill('SIGTERM');
    }, ENDED_AFTER_MS);
  }, 1_000);
}

/** A suite that could not run has no failed test of its own; it counts as one, or its tests would be missing unnoticed. */
function finish(exitCode) {
  const { passed, failed, failures } = count();
  rmSync(folder, { recursive: true, force: true });
  if (passed + failed === 0) console.log('\nno tests ran');
  // Once more at the end, where they are found however long the output is.
  if (failures.length > 0) console.log(`\n${failures.map(told).join('\n')}`);
  const unexplained = exitCode !== 0 && failed === 0 && passed > 0;
  if (unexplained) console.log(`\njest ended with exit code ${exitCode} although no test failed`);
  console.log(`\n${passed} passed, ${failed + (unexplained ? 1 : 0)} failed`);
  return exitCode !== 0 || failed > 0 || passed === 0 ? 1 : 0;
}

function count() {
  let report;
  try {
    report = JSON.parse(readFileSync(results, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, failures: [] };
  }
  const suites = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  const failures = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages }) => ({
        name: `${relative(ROOT, name)}: ${fullName}`,
        message: failureMessages.join('\n'),
      })),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + suites.length,
    failures: [
      ...failures,
      ...suites.map(({ name, message }) => ({ name: `${relative(ROOT, name)}: could not run`, message: message ?? '' })),
    ],
  };
}

/** A failed test's name and the beginning of what it said, without the lines of the stack; `.ci/run` repeats lines of these two forms. */
function told({ name, message }) {
  const lines = stripVTControlCharacters(message)
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s+at /.test(line));
  return [`✗ ${name}`, ...lines.slice(0, TOLD_LINES).map((line) => `  │ ${line.slice(0, 300)}`)].join('\n');
}
