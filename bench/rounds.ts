import { summarise, type Summary } from './statistics.js';

/** One round of one side. */
export interface Round {
  /** Finished in the round's time, per second; only what succeeded, and a round with a failure is void. */
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** Something that is measured: ours, a floor or a peer. */
export interface Side {
  readonly name: string;
  /** Works for so many seconds. Rejects when anything failed. */
  run(seconds: number): Promise<Round>;
}

/** All rounds of one side. */
export interface SideResult {
  readonly name: string;
  readonly rounds: readonly Round[];
  readonly perSecond: Summary;
  readonly p50: Summary;
  readonly p99: Summary;
}

export interface RoundOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** 0: nothing is warmed up. */
  readonly warmUpSeconds: number;
  /** Resolves when the work that the round before has left behind is done. */
  readonly settle: () => Promise<void>;
  readonly progress: (text: string) => void;
}

/**
 * Runs the sides in turn (a, b, a, b, …), so that whatever else happens on the machine meets all of them. Work that a side leaves
 * to be done afterwards is waited for: else the next side would pay for it.
 */
export async function alternate(sides: readonly Side[], options: RoundOptions): Promise<SideResult[]> {
  const { rounds, seconds, warmUpSeconds, settle, progress } = options;
  for (const side of warmUpSeconds === 0 ? [] : sides) {
    progress(`warming up: ${side.name}`);
    await side.run(warmUpSeconds);
    await settle();
  }
  const results = sides.map((): Round[] => []);
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, side] of sides.entries()) {
      progress(`round ${round} of ${rounds}: ${side.name}`);
      results[index]?.push(await side.run(seconds));
      await settle();
    }
  }
  return sides.map(({ name }, index) => resultOf(name, results[index] ?? []));
}

function resultOf(name: string, rounds: readonly Round[]): SideResult {
  return {
    name,
    rounds,
    perSecond: summarise(rounds.map((round) => round.perSecond)),
    p50: summarise(rounds.map((round) => round.p50)),
    p99: summarise(rounds.map((round) => round.p99)),
  };
}
