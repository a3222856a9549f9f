import { createHmac } from 'node:crypto';
import { heldSignature } from './lead.signature.js';

const SECRET = 'fsk_0123456789abcdef';
const NOW = Date.parse('2026-11-26T12:00:00.000Z');
const body = Buffer.from('{"name":"x"}');
const sign = (seconds: number, secret = SECRET, of: Buffer = body): string =>
  createHmac('sha256', secret).update(`${seconds}.`).update(of).digest('hex');
const at = (offset: number): number => NOW / 1_000 + offset;
const holds = (header: string | undefined): boolean => heldSignature(header, SECRET, body, NOW) !== null;

describe('a signature', () => {
  it('holds for its body and secret, five minutes either way', () => {
    for (const offset of [0, -300, 300]) expect(holds(`t=${at(offset)},v1=${sign(at(offset))}`)).toBe(true);
    for (const offset of [-301, 301]) expect(holds(`t=${at(offset)},v1=${sign(at(offset))}`)).toBe(false);
  });

  it('holds beside one of another secret, and in capitals', () => {
    expect(holds(`t=${at(0)}, v1=${sign(at(0), 'other')}, v1=${sign(at(0))}`)).toBe(true);
    expect(holds(`v1=${sign(at(0)).toUpperCase()},t=${at(0)}`)).toBe(true);
  });

  it.each([
    ['none', undefined],
    ['of another body', `t=${at(0)},v1=${sign(at(0), SECRET, Buffer.from('x'))}`],
    ['of another secret', `t=${at(0)},v1=${sign(at(0), 'other')}`],
    ['of another time', `t=${at(1)},v1=${sign(at(0))}`],
    ['without a time', `v1=${sign(at(0))}`],
    ['without a value', `t=${at(0)}`],
    ['cut short', `t=${at(0)},v1=${sign(at(0)).slice(1)}`],
    ['of no number', `t=1e9,v1=${sign(at(0))}`],
    ['behind too many', `t=${at(0)},${`v1=${sign(at(0), 'other')},`.repeat(4)}v1=${sign(at(0))}`],
    ['too long', `t=${at(0)},${'x'.repeat(1_000)},v1=${sign(at(0))}`],
  ])('%s does not hold', (_, header) => {
    expect(holds(header)).toBe(false);
  });
});
