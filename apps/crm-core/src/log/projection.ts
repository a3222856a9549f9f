import { auditRowsOf } from '../audit/audit-rows.js';
import { blindIndexHex, seal } from '#privacy';
import type { AnyAggregate, ProjectionTools, ProjectedEvent } from './aggregate.js';
import type { RowChange } from './row-change.js';

/**
 * All that an event changes in the read models, its line of the audit trail included. The append and a rebuild both come through
 * here, so they cannot differ.
 */
export function projectionOf(aggregate: AnyAggregate, recorded: ProjectedEvent, tools: ProjectionTools): readonly RowChange[] {
  const changes = aggregate.project(recorded, tools);
  const audit = auditRowsOf(recorded);
  return audit.length === 0 ? changes : [...changes, ...audit];
}

/** What a projection of this stream may do with personal values. Without a key it seals nothing. */
export function projectionTools(lookupKey: Buffer, stream: string, key: Buffer | undefined): ProjectionTools {
  return {
    sealPoint: (pointId, value) => {
      if (key === undefined) throw new Error('a stream without a key has no points');
      return seal(key, value, pointPlace(stream, pointId));
    },
    blindIndex: (kind, canonical) => blindIndexHex(lookupKey, kind, canonical),
  };
}

/** Where a sealed point of the vault belongs: it opens there and nowhere else. */
export const pointPlace = (stream: string, pointId: string): string => `${stream}|point|${pointId}`;
