import { SUBJECTS } from '#contracts';
import { AGGREGATES } from '../../apps/crm-core/src/aggregates.js';
import { NATS_PERMISSIONS } from '../../deploy/src/nats-permissions.js';

it('every fact of an erasure may be heard by the other cores: destroyed keys leave their memory', () => {
  const subjects = [...AGGREGATES.values()].flatMap(({ erasedBy }) =>
    erasedBy === undefined ? [] : [SUBJECTS.crmEvent(erasedBy)],
  );
  expect(subjects.length).toBeGreaterThan(3);
  const heard = NATS_PERMISSIONS.core.subscribe.filter((subject) => subject.startsWith('crm.event.'));
  expect([...heard].sort()).toEqual([...subjects].sort());
});
