import type { LoggedEvent } from './comparison.js';
import type { Verification } from './verification.js';

/** What is said of a verification: ids, numbers and places, no values. */
export function reportOf(verification: Verification): { readonly isWhole: boolean; readonly lines: readonly string[] } {
  const { verified, last, unsealed, difference, problems } = verification;
  const isWhole = difference === undefined && problems.length === 0;
  const upTo = last === undefined ? '' : ` up to seal ${last.number} of ${last.sealedAt}, head ${last.head.toString('hex')}`;
  return {
    isWhole,
    lines: [
      `${isWhole ? 'The log is whole.' : 'THE LOG IS NOT WHOLE.'}`,
      ...(difference === undefined ? [] : [`first: ${differenceIn(verification)}`]),
      ...problems.map((problem) => `also: ${problem}`),
      `${verified} of ${last?.total ?? 0} sealed events are as they were sealed${upTo}`,
      ...(unsealed === undefined ? [] : [`${unsealed} newer events are not sealed yet`]),
    ],
  };
}

function differenceIn({ difference, exchangedWith, verified, last }: Verification): string {
  if (difference === undefined) return '';
  const { kind, sealed } = difference;
  const seal = `seal ${sealed.seal}`;
  if ((kind === 'changed' || kind === 'out-of-order') && exchangedWith !== undefined) {
    const one = kind === 'changed' ? difference.logged : difference.moved;
    return `out of order: ${nameOf(one)} has changed places with ${nameOf(exchangedWith)} (${seal})`;
  }
  switch (kind) {
    case 'changed':
      return `${nameOf(difference.logged)} was changed (${seal})`;
    case 'inserted':
      return `${nameOf(difference.logged)} was inserted (it stands in ${seal}, which does not have it)`;
    case 'out-of-order':
      return `out of order: ${nameOf(difference.moved)} has left its place, where ${nameOf(difference.logged)} stands now (${seal})`;
    case 'missing': {
      const what = sealed.id === null ? 'an event' : `event ${sealed.id}`;
      if (difference.before !== undefined) return `${what} of ${seal} is missing; it stood before ${nameOf(difference.before)}`;
      return `the end is missing: ${what} of ${seal} and what follows, ${(last?.total ?? 0) - verified} events in all`;
    }
  }
}

function nameOf({ id, seq, stream, version }: LoggedEvent): string {
  return `event ${id} (seq ${seq}, ${stream} version ${version})`;
}
