import fc from 'fast-check';
import { RUSH_LEADS, RUSH_WINDOW_MS, RushPauses } from './rush-pauses.js';

const LONGEST_MS = 2_000;

describe('pauses of sending in a rush', () => {
  let now: number;
  let pauses: RushPauses;
  beforeEach(() => {
    now = 5_000;
    pauses = new RushPauses(LONGEST_MS, () => now);
  });
  /** Goes on for so long, with so many leads each 10 ms; returns how long sending paused. */
  const pass = (ms: number, leads: number): number => {
    let paused = 0;
    for (const end = now + ms; now < end; now += 10) {
      pauses.note(leads);
      if (pauses.restMs() > 0) paused += 10;
    }
    return paused;
  };

  it('are none while leads come as core takes them', () => {
    expect(pass(10_000, RUSH_LEADS / 10 - 1)).toBe(0);
  });

  it('begin with a rush and end with it', () => {
    expect(pass(500, RUSH_LEADS)).toBe(500);
    expect(pass(RUSH_WINDOW_MS, 0)).toBe(RUSH_WINDOW_MS - 10);
    expect(pauses.restMs()).toBe(0);
  });

  it('are asked after again within the window of a rush', () => {
    pauses.note(RUSH_LEADS);
    expect(pauses.restMs()).toBe(RUSH_WINDOW_MS);
  });

  it('take turns with sending while a rush lasts', () => {
    expect(pass(LONGEST_MS, RUSH_LEADS)).toBe(LONGEST_MS);
    expect(pass(LONGEST_MS, RUSH_LEADS)).toBe(0);
    expect(pass(LONGEST_MS, RUSH_LEADS)).toBe(LONGEST_MS);
  });

  it('give sending as long as they took, also when the rush comes in parts', () => {
    expect(pass(300, RUSH_LEADS)).toBe(300);
    expect(pass(RUSH_WINDOW_MS, 0)).toBe(RUSH_WINDOW_MS - 10);
    expect(pass(280 + RUSH_WINDOW_MS, RUSH_LEADS)).toBe(0);
    expect(pass(100, RUSH_LEADS)).toBe(100);
  });

  it('are none where none are wanted', () => {
    pauses = new RushPauses(0, () => now);
    expect(pass(1_000, RUSH_LEADS)).toBe(0);
  });

  it('never last longer than the longest, and never take more than half of the time and one pause', () => {
    const step = fc.record({ ms: fc.integer({ min: 1, max: 400 }), leads: fc.integer({ min: 0, max: 2 * RUSH_LEADS }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        pauses = new RushPauses(LONGEST_MS, () => now);
        const began = now;
        let [inAll, inOne] = [0, 0];
        for (const { ms, leads } of steps) {
          pauses.note(leads);
          const rest = Math.min(ms, pauses.restMs());
          inOne = rest > 0 ? inOne + rest : 0;
          inAll += rest;
          now += rest > 0 ? rest : ms;
          expect(inOne).toBeLessThanOrEqual(LONGEST_MS);
          expect(inAll).toBeLessThanOrEqual((now - began) / 2 + LONGEST_MS);
        }
      }),
    );
  });
});
