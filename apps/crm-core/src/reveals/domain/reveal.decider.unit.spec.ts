import { fold, Secret } from '#kernel';
import { revealDecider, type RevealCommand, type RevealEvent } from './reveal.decider.js';

const id = '00000000-0000-7000-8000-00000000000a';
const revealed = { recordType: 'contact', recordId: id, recordVersion: 1, pointId: id, reason: new Secret('asked') } as const;
const shown: RevealEvent = { type: 'EmailRevealed', data: revealed };
const erased: RevealEvent = { type: 'RevealErased', data: { contactId: id } };
const given = (...events: readonly RevealEvent[]) => ({
  when: (command: RevealCommand) => revealDecider.decide(command, fold(revealDecider, events)),
});

describe('a reveal', () => {
  it('happens once', () => {
    expect(given().when({ type: 'reveal', kind: 'email', revealed })).toEqual([shown]);
    for (const events of [[shown], [shown, erased]])
      expect(() => given(...events).when({ type: 'reveal', kind: 'email', revealed })).toThrow(
        expect.objectContaining({ code: 'already-exists' }),
      );
  });

  it('loses its reason with the person, once, and only where there is one', () => {
    expect(given(shown).when({ type: 'erase', contactId: id })).toEqual([erased]);
    expect(given(shown, erased).when({ type: 'erase', contactId: id })).toEqual([]);
    expect(given().when({ type: 'erase', contactId: id })).toEqual([]);
  });
});
