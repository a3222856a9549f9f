import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const ROOT = dirname(dirname(import.meta.dirname));
const CRUISER = join(ROOT, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
const FOLDERS = ['apps', 'libs', 'deploy', 'bench', 'test'];
const LIBS = ['kernel', 'contracts', 'event-store', 'messaging', 'policy', 'privacy', 'platform', 'testing'];

export interface Cruise {
  readonly modules: readonly string[];
  /** Names of the rules broken, by the file they start from. */
  readonly broken: ReadonlyMap<string, readonly string[]>;
}

interface Report {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: { readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[] };
}

/** Runs the fence as `npm run boundaries` does, on a tree that has its own copy of the configuration. */
export async function cruise(root: string): Promise<Cruise> {
  const args = [CRUISER, '--config', '.dependency-cruiser.mjs', '--output-type', 'json', ...FOLDERS];
  const report = JSON.parse(await stdoutOf(args, root)) as Report;
  const broken = new Map<string, readonly string[]>();
  for (const { from, rule } of report.summary.violations) {
    broken.set(from, [...new Set([...(broken.get(from) ?? []), rule.name])].sort());
  }
  return { modules: report.modules.map(({ source }) => source), broken };
}

/** A violation makes the exit code the number of violations: the report counts, not the code. */
function stdoutOf(args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (stdout.startsWith('{')) resolve(stdout);
      else reject(new Error(`the fence did not run: ${stderr.slice(0, 2_000)}`, { cause: error }));
    });
  });
}

/** A small tree with the same doors, aliases and configuration, and the given files in it. The caller removes it. */
export function plantTree(files: Readonly<Record<string, string>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'palisade-fence-')));
  for (const name of ['.dependency-cruiser.mjs', 'package.json', 'tsconfig.json'])
    copyFileSync(join(ROOT, name), join(root, name));
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'dir');
  const doors = LIBS.map((lib) => [`libs/${lib}/src/index.ts`, 'export const door = true;\n'] as const);
  const folders = FOLDERS.map((folder) => [`${folder}/.keep`, ''] as const);
  for (const [path, text] of [...folders, ...doors, ...Object.entries(files)]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
