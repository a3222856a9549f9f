import { compare } from './measurement.js';
import { alternate, type Round, type Side } from './rounds.js';

const quiet = { settle: async () => undefined, progress: () => undefined };
const round = (perSecond: number): Round => ({ perSecond, p50: 100 / perSecond, p99: 1000 / perSecond });

function side(name: string, figures: readonly number[], log: string[] = []): Side {
  let next = 0;
  return {
    name,
    run: async (seconds) => {
      log.push(`${name} ${seconds}`);
      return round(figures[next++ % figures.length] as number);
    },
  };
}

describe('alternate', () => {
  it('takes turns, after a warm-up that does not count', async () => {
    const log: string[] = [];
    const sides = [side('ours', [1, 20, 10], log), side('floor', [1, 40], log)];
    const [ours, floor] = await alternate(sides, { rounds: 2, seconds: 2, warmUpSeconds: 3, ...quiet });
    expect(log).toEqual(['ours 3', 'floor 3', 'ours 2', 'floor 2', 'ours 2', 'floor 2']);
    expect(ours?.rounds).toHaveLength(2);
    expect(ours?.perSecond).toEqual({ median: 15, min: 10, max: 20 });
    expect(floor?.name).toBe('floor');
  });

  it('gives no result when a round failed', async () => {
    const failing: Side = { name: 'ours', run: () => Promise.reject(new Error('a round is void')) };
    await expect(alternate([failing], { rounds: 2, seconds: 2, warmUpSeconds: 1, ...quiet })).rejects.toThrow('void');
  });

  it('waits after each round', async () => {
    let waits = 0;
    const settle = async (): Promise<void> => void (waits += 1);
    await alternate([side('ours', [1]), side('floor', [1])], { ...quiet, rounds: 5, seconds: 2, warmUpSeconds: 1, settle });
    expect(waits).toBe(12);
  });
});

describe('compare', () => {
  it('meets a goal that is just reached, either way round', async () => {
    const sides = [side('ours', [50]), side('floor', [100])];
    const [ours, floor] = await alternate(sides, { rounds: 1, seconds: 1, warmUpSeconds: 1, ...quiet });
    if (ours === undefined || floor === undefined) throw new Error('no rounds');
    expect(compare(ours, floor, { figure: 'perSecond', is: 'least', value: 0.5 }).result).toMatchObject({
      ratio: 0.5,
      met: true,
    });
    expect(compare(ours, floor, { figure: 'perSecond', is: 'least', value: 0.51 }).result?.met).toBe(false);
    expect(compare(ours, floor, { figure: 'p50', is: 'most', value: 2 }).result).toMatchObject({ ratio: 2, met: true });
    expect(compare(ours, floor, { figure: 'p50', is: 'most', value: 1.9 }).result?.met).toBe(false);
  });
});
