// npm run demo: a company, its client base, a scraper, and what the system makes of him. Talks to what runs, over HTTP.
import { ApiClient, UnexpectedAnswer, type Traffic } from './api-client.js';
import { expectNothingLostOrDoubled, fillClientBase } from './client-base.js';
import { signInAsAdministrator } from './administrator.js';
import { foundCompany } from './company.js';
import { UnreadableFile } from './customer-file.js';
import { importCustomers, readCustomerFile } from './customer-import.js';
import { lookAsGateway } from './database-look.js';
import { AnswersWatched, newRunId, type DemoRun } from './demo-run.js';
import { Findings } from './findings.js';
import { workAsManager } from './manager-at-work.js';
import { parseOptions, USAGE, UsageError, type DemoOptions } from './options.js';
import { NumberScan } from '../scan/number-scan.js';
import { findRunningSystem, NotRunning, type RunningSystem } from './running-system.js';
import { reactivate, scrape } from './scraper.js';
import { Terminal } from './terminal.js';
import { bringLeads } from './web-form.js';

async function demonstrate(run: DemoRun, adminToken: string): Promise<void> {
  const { terminal, findings, options, watched, traffic } = run;
  // Before anything is made: a file that cannot be read leaves nothing behind.
  const customers = options.customers === undefined ? undefined : readCustomerFile(options.customers);
  terminal.heading('1  a company');
  const company = await foundCompany(run);
  terminal.heading('2  its client base');
  const base = await fillClientBase(run, company);
  if (customers !== undefined) await importCustomers(run, company, base, customers);
  terminal.heading('3  a web form');
  await bringLeads(run, company);
  terminal.heading('4  a manager at work');
  await workAsManager(run, company);
  terminal.heading('5  a manager who scrapes');
  const scraper = await scrape(run, company, adminToken);
  terminal.heading("6  the database, seen with the gateway's role");
  await lookAsGateway(run);
  terminal.heading('7  back again');
  await reactivate(run, scraper);
  terminal.heading('in the end');
  await expectNothingLostOrDoubled(run, company, base);
  findings.expect(
    'no number or address in an answer to managers and marketing',
    watched.found === 0,
    `${watched.answers} answers`,
  );
  if (traffic.repeated > 0) terminal.note(`${traffic.repeated} requests were sent again: something was away`);
}

async function main(): Promise<number> {
  const terminal = new Terminal();
  const options = parseOptions(process.argv.slice(2), process.env['INIT_CWD'] ?? process.cwd());
  if (options === null) {
    terminal.line(USAGE);
    return 0;
  }
  const system = await findRunningSystem(process.env, process.cwd());
  const { run, adminToken } = await begin(terminal, options, system);
  const startedAt = performance.now();
  await demonstrate(run, adminToken);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  const { unmet } = run.findings;
  terminal.line('');
  terminal.finding(
    unmet.length === 0,
    unmet.length === 0 ? `all as expected, in ${seconds} s` : `not as expected (${unmet.length}):`,
  );
  for (const finding of unmet) terminal.line(`    ${finding}`);
  return unmet.length === 0 ? 0 : 1;
}

async function begin(
  terminal: Terminal,
  options: DemoOptions,
  system: RunningSystem,
): Promise<{ run: DemoRun; adminToken: string }> {
  const traffic: Traffic = { repeated: 0 };
  const planted = new NumberScan('digits');
  const stranger = new ApiClient({ urls: system.gatewayUrls, traffic });
  const id = newRunId();
  terminal.line(`Palisade at ${system.gatewayUrls.join(', ')}; forms at ${system.ingestUrls.join(', ')}; run ${id}`);
  const adminToken = await signInAsAdministrator(stranger, system);
  const run: DemoRun = {
    id,
    options,
    system,
    terminal,
    findings: new Findings(terminal),
    planted,
    traffic,
    admin: stranger.as(adminToken),
    watched: new AnswersWatched(planted),
  };
  return { run, adminToken };
}

const EXPECTED_ERRORS = [NotRunning, UsageError, UnreadableFile, UnexpectedAnswer];

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Error) || !EXPECTED_ERRORS.some((kind) => error instanceof kind)) throw error;
  process.stderr.write(`\n${error.message}\n${error instanceof UsageError ? `${USAGE}\n` : ''}`);
  process.exitCode = 1;
}
