/**
 * The nodes from `id` up to its root, `id` first. `null` where the way up cannot be trusted: a node is missing, or the way
 * runs in a circle. Callers take `null` as nothing.
 */
export function lineage<Node>(
  id: string,
  nodes: ReadonlyMap<string, Node>,
  parentId: (node: Node) => string | null | undefined,
): readonly Node[] | null {
  const way: Node[] = [];
  const passed = new Set<string>();
  for (let next: string | null | undefined = id; next !== null && next !== undefined;) {
    const node = nodes.get(next);
    if (node === undefined || passed.has(next)) return null;
    passed.add(next);
    way.push(node);
    next = parentId(node);
  }
  return way;
}

/** Nodes by their id. */
export function byId<Node extends { readonly id: string }>(nodes: readonly Node[]): ReadonlyMap<string, Node> {
  return new Map(nodes.map((node) => [node.id, node]));
}
