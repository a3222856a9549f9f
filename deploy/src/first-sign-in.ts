import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomically } from './atomic-file.js';
import type { StartConfig } from './config.js';
import { newSecret } from './connections.js';

/** Whom the first start makes, and what it tells about it. */
export interface FirstSignIn {
  /** Handed to the gateway; absent once the administrator was made and the password is not known here any more. */
  readonly administrator?: { readonly email: string; readonly password: string };
  /** Lines to print when all is ready; none on later starts. */
  readonly lines: readonly string[];
  /** Notes that it was printed, and forgets the password. */
  printed(): void;
}

/**
 * The first administrator. A generated password is kept (0600) until it was printed once, so that a first start that is
 * interrupted does not leave an installation nobody can enter; then it is gone from disk.
 */
export function firstSignIn(dataDir: string, config: StartConfig['administrator']): FirstSignIn {
  const file = join(dataDir, 'first-sign-in.json');
  const write = (content: object): void => writeAtomically(file, JSON.stringify(content), 0o600);
  const before = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { email: string; password?: string; done?: true })
    : undefined;
  if (before?.done === true) {
    const { email, password } = config;
    return { ...(password === undefined ? {} : { administrator: { email, password } }), lines: [], printed: () => undefined };
  }
  const generated = config.password === undefined;
  const email = config.email;
  const password = config.password ?? before?.password ?? newSecret();
  write(generated ? { email, password } : { email });
  return {
    administrator: { email, password },
    lines: generated
      ? [`  sign in  ${email}`, `  password ${password}   (shown this once; change it after signing in)`]
      : [`  sign in  ${email}, with the password of PALISADE_ADMIN_PASSWORD`],
    printed: () => write({ email, done: true }),
  };
}
