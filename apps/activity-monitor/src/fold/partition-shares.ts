import { WATCH_PARTITIONS } from '#contracts';

/** The partitions that an instance should own beside those that live: each instance gets as many as the others, or one more. */
export function partitionShare(instance: string, live: readonly string[]): readonly number[] {
  const order = [...new Set([...live, instance])].sort();
  const place = order.indexOf(instance);
  return Array.from({ length: WATCH_PARTITIONS }, (_, partition) => partition).filter(
    (partition) => partition % order.length === place,
  );
}

/** What changes when an instance that owns some partitions should own others. */
export function shareChange(
  owned: readonly number[],
  wanted: readonly number[],
): { keep: readonly number[]; give: readonly number[] } {
  const wants = new Set(wanted);
  return { keep: owned.filter((partition) => wants.has(partition)), give: owned.filter((partition) => !wants.has(partition)) };
}
