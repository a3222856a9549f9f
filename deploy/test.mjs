// npm test: the same set-up as npm start, then all tests but the long ones (npm run test:faults) in one run of jest; arguments are
// passed on to it.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInstead, setUp } from './setup.mjs';

await setUp();
const folder = mkdtempSync(join(tmpdir(), 'palisade-results-'));
const results = join(folder, 'results.json');
const given = process.argv.slice(2);
const projects = given.includes('--selectProjects') ? [] : ['--selectProjects', 'unit', 'int', 'journeys'];
const jest = ['run', '--silent', 'jest', '--', '--ci', '--json', `--outputFile=${results}`, ...projects, ...given];
runInstead('npm', jest, { finish });

/** A suite that could not run has no failed test of its own; it counts as one, or its tests would be missing unnoticed. */
function finish(exitCode) {
  const { passed, failed } = count();
  rmSync(folder, { recursive: true, force: true });
  if (passed + failed === 0) console.log('\nno tests ran');
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
    return { passed: 0, failed: 1 };
  }
  const suites = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return { passed: report.numPassedTests, failed: report.numFailedTests + suites.length };
}
