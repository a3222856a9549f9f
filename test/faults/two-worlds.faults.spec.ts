import { startSystem, type System } from '#testing';
import { cursorBits, duplicateBits, prefixBits, sortBits } from '../journeys/bisecting-tools.js';
import { answered } from '../journeys/staff.js';
import { differenceOf, settleAlike, World, type Hidden } from '../journeys/two-worlds.js';
import { exportTexts, guessingWrites, routeProbes } from '../journeys/world-probes.js';
import type { ApiDocument } from '../journeys/written-fields.js';

/** The seeds of a run; one alone is tried again by `TWO_WORLDS_SEED`. */
const SEEDS =
  process.env['TWO_WORLDS_SEED'] === undefined
    ? Array.from({ length: 8 }, (_, seed) => seed + 1)
    : [Number(process.env['TWO_WORLDS_SEED'])];
const KINDS = ['number', 'email', 'inText'] as const;

/** The same numbers for the same seed (a linear congruential generator, Numerical Recipes). */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Two of everything that is hidden, with the same masks: other digits, another extension, an address of another length. */
function hiddenPair(seed: number): readonly [Hidden, Hidden] {
  const next = generator(seed);
  const digits = (count: number): string => Array.from({ length: count }, () => String(next(10))).join('');
  const word = (): string => Array.from({ length: 3 + next(12) }, () => String.fromCharCode(0x61 + next(26))).join('');
  const last = digits(2);
  const tail = digits(2);
  const [initial, label] = [word()[0] ?? 'a', word()[0] ?? 'b'];
  const one = (): Hidden => {
    const [a, b] = [digits(3), digits(2)];
    return {
      number: `+7916${digits(5)}${last}${next(2) === 0 ? '' : `;ext=${1 + next(900)}`}`,
      email: `${initial}${word()}@${label}${word()}.ru`,
      inText: `8 (926) ${a}-${b}-${tail}`,
    };
  };
  return [one(), one()];
}

describe('two worlds, over many seeds', () => {
  const systems: System[] = [];
  let worlds: [World, World];
  let document: ApiDocument;

  beforeAll(async () => {
    const one = await startSystem();
    systems.push(one);
    const other = await startSystem();
    systems.push(other);
    worlds = await Promise.all([World.of(one), World.of(other)]);
    document = await answered(200, worlds[0].manager.get<ApiDocument>('/openapi.json'));
  }, 240_000);
  afterAll(async () => {
    worlds?.forEach((world) => world.close());
    await Promise.all(systems.map((system) => system.stop()));
  }, 60_000);

  it.each(SEEDS.flatMap((seed) => KINDS.map((kind) => [seed, kind] as const)))(
    'seed %i: the worlds differ by one hidden %s, and answer the same',
    async (seed, kind) => {
      const [common, other] = hiddenPair(seed);
      const differing: Hidden = { ...common, [kind]: other[kind] };
      // The lead of a seed's second and third round would be matched with the contacts of its first.
      const lead = kind === KINDS[0];
      await Promise.all([worlds[0].fill(common, { lead }), worlds[1].fill(differing, { lead })]);
      const guesses = [common.number, common.email, common.inText, common.inText.slice(4, 12)];
      const plain = common.number.split(';')[0] ?? '';
      const probes = [
        ...routeProbes(document, guesses),
        ...guessingWrites(plain, common.email),
        ...guessingWrites(common.inText, common.email),
      ];
      const differences: string[] = [];
      for (const probe of probes.filter((one) => one(worlds[0]).settles !== true)) {
        const difference = await differenceOf(worlds, probe);
        if (difference !== undefined) differences.push(difference);
      }
      for (const tool of [sortBits, cursorBits, prefixBits, duplicateBits]) {
        const [one, two] = await Promise.all(worlds.map((world) => tool(world, common)));
        expect(one).toEqual(two);
      }
      expect(differences).toEqual([]);
      await settleAlike(worlds, (world) => exportTexts(world));
    },
    600_000,
  );
});
