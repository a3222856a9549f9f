import fc from 'fast-check';
import { serverSentData } from './alarm-stream.js';
import { inParallel } from './in-parallel.js';
import { inventContacts, internationally, spelt } from './invented-people.js';
import { parseOptions, UsageError } from './options.js';
import { NumberScan } from '../scan/number-scan.js';
import { ScrapingTally } from './scraping-tally.js';
import { bar, quarters } from './terminal.js';

describe('progress', () => {
  it('fills a bar of constant width', () => {
    expect(bar(0, 10, 10)).toBe('░░░░░░░░░░');
    expect(bar(5, 10, 10)).toBe('█████░░░░░');
    expect(bar(10, 10, 10)).toBe('██████████');
    expect(bar(0, 0, 4)).toBe('████');
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(200), (done, total, width) => [...bar(done, total, width)].length === width),
    );
  });

  it('counts complete quarters', () => {
    expect([0, 24, 25, 99, 100].map((done) => quarters(done, 100))).toEqual([0, 0, 1, 3, 4]);
    expect(quarters(0, 0)).toBe(4);
  });
});

describe('work in parallel', () => {
  it('keeps the order of items and its width', async () => {
    let running = 0;
    let most = 0;
    const results = await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, (running += 1));
      await Promise.resolve();
      running -= 1;
      return item * 2;
    });
    expect(results).toEqual([2, 4, 6, 8, 10, 12, 14]);
    expect(most).toBe(3);
  });

  it('stops at the first error', async () => {
    const begun: number[] = [];
    const work = inParallel([1, 2, 3, 4], 1, (item) => {
      begun.push(item);
      return item === 2 ? Promise.reject(new Error('no')) : Promise.resolve();
    });
    await expect(work).rejects.toThrow('no');
    expect(begun).toEqual([1, 2]);
  });
});

describe('planted values', () => {
  const national = fc.stringMatching(/^9[0-9]{9}$/);

  it('are found in every spelling', () => {
    fc.assert(
      fc.property(national, fc.nat(4), fc.stringMatching(/^[a-z":,{}]{0,20}$/), (number, spelling, around) => {
        const planted = new NumberScan('digits');
        planted.plantNumber(`+7${number}`);
        return planted.scan('an answer', `${around}${spelt(number, spelling)}${around}`).length === 1;
      }),
    );
  });

  it('are not found in masks, ids, times and other numbers', () => {
    const planted = new NumberScan('digits');
    planted.plantNumber('+7 912 000 00 01');
    planted.plantEmail('Client@pochta.example');
    const answer = { id: '01a20a17-b422-70b0-a095-8a71ed5bfb62', masked: '+7 *** ***-**-01', at: '2026-11-23T20:27:35.446Z' };
    expect(planted.scan('an answer', JSON.stringify([answer, 'c***@p***.example', '+79120000002'])).length).toBe(0);
    expect(planted.scan('an answer', '{"address":"client@POCHTA.example"}').length).toBe(1);
  });
});

describe('invented people', () => {
  it('have the same names and other numbers in another run', () => {
    const [first, second] = [inventContacts(50, 'bcdfgh'), inventContacts(50, 'zxwvts')];
    expect(first.map(({ name }) => name)).toEqual(second.map(({ name }) => name));
    const numbers = [...first, ...second].map(({ phones }) => internationally(phones[0]?.number ?? '').replace(/\D/g, ''));
    expect(new Set(numbers).size).toBe(100);
    expect(numbers.every((number) => /^79\d{9}$/.test(number))).toBe(true);
  });
});

describe('the tally of scraping', () => {
  const card = { contactId: 'a', status: 200, code: '' };

  it('tells cards to requests sent after the refusal from those already on their way', () => {
    const tally = new ScrapingTally();
    tally.add({ ...card, sentAt: 1 }, 5);
    tally.add({ contactId: 'b', sentAt: 2, status: 403, code: 'view-limit-reached' }, 6);
    tally.add({ ...card, sentAt: 4 }, 7);
    expect([tally.served, tally.distinct.size, tally.servedAfterRefusal]).toEqual([2, 1, 0]);
    tally.add({ ...card, sentAt: 7 }, 8);
    expect(tally.servedAfterRefusal).toBe(1);
  });

  it('counts by status what was sent after the alarm', () => {
    const tally = new ScrapingTally();
    tally.alarmAt = 10;
    tally.add({ contactId: 'a', sentAt: 9, status: 403, code: 'view-limit-reached' }, 11);
    tally.add({ contactId: 'a', sentAt: 11, status: 401, code: 'unauthenticated' }, 12);
    expect([...tally.afterAlarm]).toEqual([[401, 1]]);
  });
});

describe('a stream of Server-Sent Events', () => {
  it('gives data whole, however it is cut', async () => {
    const bytes = Buffer.from(': still here\n\nid: 1\nevent: x\ndata: {"сообщение":1}\n\ndata: a\ndata: b\r\n\r\n');
    for (const size of [1, 3, 1000]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      const seen: string[] = [];
      for await (const data of serverSentData(ofPieces(pieces))) seen.push(data);
      expect(seen).toEqual(['{"сообщение":1}', 'a\nb']);
    }
  });
});

async function* ofPieces(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece);
}

describe('options', () => {
  it('have defaults, and bounds that name the option', () => {
    expect(parseOptions([], '/home')).toEqual({ contacts: 2_000, deals: 500 });
    expect(parseOptions(['--customers', 'a.csv', '--region', 'ru'], '/home')).toMatchObject({
      customers: '/home/a.csv',
      region: 'RU',
    });
    expect(parseOptions(['--help'], '/home')).toBeNull();
    for (const wrong of [['--contacts', '5'], ['--deals', 'x'], ['--region', 'QQ'], ['--unknown']]) {
      expect(() => parseOptions(wrong, '/home')).toThrow(UsageError);
    }
  });
});
