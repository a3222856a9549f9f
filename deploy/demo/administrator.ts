import { UnexpectedAnswer, type ApiClient } from './api-client.js';
import { signIn } from './company.js';
import { askPassword } from './password-prompt.js';
import { NotRunning, type RunningSystem } from './running-system.js';

/** The token of the administrator, whose password comes from the environment, the first start or the keyboard. Throws `NotRunning`. */
export async function signInAsAdministrator(stranger: ApiClient, system: RunningSystem): Promise<string> {
  try {
    return await signIn(stranger, system.admin.email, await passwordOf(system));
  } catch (error) {
    if (!(error instanceof UnexpectedAnswer)) throw error;
    throw new NotRunning(
      `${error.message}\n  next: see that PALISADE_ADMIN_EMAIL and PALISADE_ADMIN_PASSWORD are an administrator's`,
    );
  }
}

async function passwordOf({ admin }: RunningSystem): Promise<string> {
  if (admin.password !== undefined) return admin.password;
  if (process.stdin.isTTY && process.stdout.isTTY) return askPassword(`password of ${admin.email}: `);
  throw new NotRunning(
    `the administrator's password is not known here\n  next: set PALISADE_ADMIN_PASSWORD to the one that npm start printed (and PALISADE_ADMIN_EMAIL, if it is not ${admin.email})`,
  );
}
