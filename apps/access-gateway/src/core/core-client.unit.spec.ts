import { commandIdOf } from './core-client.js';

describe('the id of a command', () => {
  const user = '01a209f1-1514-701c-8216-2b4e2294fdb7';
  const target = '01a209f1-1562-754e-9530-cdd06ea4865c';

  it('is the same for the same person, route and key, and another otherwise', () => {
    const id = commandIdOf('ChangeContact', user, { targetId: target, idempotencyKey: 'k' });
    expect(commandIdOf('ChangeContact', user, { targetId: target, idempotencyKey: 'k' })).toBe(id);
    const others = [
      commandIdOf('DeleteContact', user, { targetId: target, idempotencyKey: 'k' }),
      commandIdOf('ChangeContact', target, { targetId: target, idempotencyKey: 'k' }),
      commandIdOf('ChangeContact', user, { targetId: user, idempotencyKey: 'k' }),
      commandIdOf('ChangeContact', user, { targetId: target, partId: user, idempotencyKey: 'k' }),
      commandIdOf('ChangeContact', user, { targetId: target, idempotencyKey: 'l' }),
    ];
    expect(new Set([id, ...others]).size).toBe(6);
  });

  it('is fresh without a key', () => {
    expect(commandIdOf('CreateContact', user, {})).not.toBe(commandIdOf('CreateContact', user, {}));
  });
});
