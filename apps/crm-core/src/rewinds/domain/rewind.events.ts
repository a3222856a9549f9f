/** Ids, times and counts: what was undone stands in the records' own streams, marked with the rewind's id as causation. */
export type RewindEvent =
  | {
      readonly type: 'RewindStarted';
      readonly data: {
        readonly userId: string;
        readonly since: string;
        readonly until: string;
        readonly changes: number;
        readonly conflicts: number;
        /** Records that were there and are hidden: their creation is undone, or that they were brought back. */
        readonly hides: number;
      };
    }
  | {
      readonly type: 'RewindFinished';
      readonly data: { readonly outcome: 'done' | 'failed'; readonly changes: number; readonly conflicts: number };
    };

export const REWIND_EVENT_VERSIONS = { RewindStarted: 2, RewindFinished: 1 } as const;
