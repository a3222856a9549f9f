import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '#kernel';
import { matchingStep, newRecoveryCodes, newTotpSecret, otpauthUrl, typedCode } from './codes.js';
import { FactorKey, gatewayKey } from './factor-key.js';
import { requiresSecondFactor } from './required-factor.js';

/** RFC 6238 appendix B: the secret `12345678901234567890`; the last six of its eight digits. */
const RFC_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

describe('codes', () => {
  it.each([
    [59, '287082', 1],
    [1_111_111_109, '081804', 37_037_036],
    [2_000_000_000, '279037', 66_666_666],
  ])('at %i s are those of RFC 6238', (seconds, code, step) => {
    expect(matchingStep(RFC_SECRET, code, seconds * 1_000)).toBe(step);
  });

  it('pass one step early and one late, and no further', () => {
    const at = (steps: number): number | null => matchingStep(RFC_SECRET, '279037', 2_000_000_000_000 + steps * 30_000);
    expect([-2, -1, 0, 1, 2].map(at)).toEqual([null, 66_666_666, 66_666_666, 66_666_666, null]);
  });

  it('are read as people type them', () => {
    expect(typedCode(' 279 037')).toEqual({ kind: 'totp', code: '279037' });
    expect(typedCode('abcd-efgh ijkl-2345')).toEqual({ kind: 'recovery', code: 'ABCDEFGHIJKL2345' });
    for (const text of ['', '27903', '2790377', '٢٧٩٠٣٧', 'abcd-efgh-ijkl-2341']) expect(typedCode(text)).toBeNull();
  });

  it('are made of 160 bits, and ten recovery codes differ', () => {
    expect(newTotpSecret()).toMatch(/^[A-Z2-7]{32}$/);
    expect(newTotpSecret()).not.toBe(newTotpSecret());
    expect(otpauthUrl(RFC_SECRET, 'a@b.test')).toBe(
      `otpauth://totp/Palisade:a%40b.test?issuer=Palisade&secret=${RFC_SECRET}&algorithm=SHA1&digits=6&period=30`,
    );
    const codes = newRecoveryCodes();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(typedCode(code)?.kind).toBe('recovery');
  });
});

describe('the factor key', () => {
  it('seals for one person, and hashes codes for one person', () => {
    const key = new FactorKey(randomBytes(32));
    expect(key.open('one', key.seal('one', RFC_SECRET))).toBe(RFC_SECRET);
    expect(() => key.open('two', key.seal('one', RFC_SECRET))).toThrow();
    expect(() => new FactorKey(randomBytes(32)).open('one', key.seal('one', RFC_SECRET))).toThrow();
    expect(key.hashOf('one', 'A').equals(key.hashOf('two', 'A'))).toBe(false);
  });

  const factorKey = async (...from: Parameters<typeof gatewayKey>): Promise<FactorKey> =>
    new FactorKey(await gatewayKey(...from));
  it('is one file for gateways that start at once, for its owner only', async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'palisade-factor-key-')), 'keys');
    try {
      const keys = await Promise.all(Array.from({ length: 8 }, () => factorKey(undefined, folder)));
      const sealed = keys[0]?.seal('one', RFC_SECRET) ?? '';
      expect(keys.map((key) => key.open('one', sealed))).toEqual(Array.from({ length: 8 }, () => RFC_SECRET));
      expect((await stat(join(folder, 'factor-key'))).mode & 0o777).toBe(0o600);
      const given = await factorKey(new Secret(await readFile(join(folder, 'factor-key'), 'utf8')), '/nowhere');
      expect(given.open('one', sealed)).toBe(RFC_SECRET);
    } finally {
      await rm(join(folder, '..'), { recursive: true });
    }
    await expect(factorKey(new Secret('c2hvcnQ='), '/nowhere')).rejects.toThrow('32 bytes');
  });
});

describe('a second factor', () => {
  const role = (id: string, extendsId: string | null, requireSecondFactor = false) => ({
    ...{ id, name: id, extendsId, grants: {}, requireSecondFactor },
  });
  const roles = [role('a', null, true), role('b', 'a'), role('c', 'd'), role('d', 'c', false)];

  it.each([
    [['a'], true],
    [['b'], true],
    [['c'], false],
    [['c', 'b'], true],
    [['gone'], false],
    [[], false],
  ])('is required of roles %p: %p', (roleIds, required) => {
    expect(requiresSecondFactor({ roleIds, roles })).toBe(required);
  });

  it('is required by no role that does not say so', () => {
    expect(requiresSecondFactor({ roleIds: ['c'], roles: [role('c', null)] })).toBe(false);
  });
});
