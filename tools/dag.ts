/** Directed graphs without circles: for each node, those that it needs. */
export type Needs = ReadonlyMap<string, ReadonlySet<string>>;

/** Each node after all that it needs; throws if it needs itself in the end. */
export function inOrder(needs: Needs): string[] {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): void => {
    if (path.includes(node)) throw new Error([...path.slice(path.indexOf(node)), node].join(" needs "));
    if (done.has(node)) return;
    for (const needed of needs.get(node) ?? []) visit(needed, [...path, node]);
    done.add(node);
  };
  for (const node of needs.keys()) visit(node, []);
  return [...done];
}

/** The same without what is implied: a node that needs another by way of a third is not said to need it. */
export function reduced(needs: Needs): Map<string, Set<string>> {
  const all = new Map<string, Set<string>>();
  for (const node of inOrder(needs)) {
    const direct = [...(needs.get(node) ?? [])];
    all.set(node, new Set(direct.flatMap((needed) => [needed, ...(all.get(needed) ?? [])])));
  }
  return new Map(
    [...needs].map(([node, direct]) => {
      const implied = new Set([...direct].flatMap((needed) => [...(all.get(needed) ?? [])]));
      return [node, new Set([...direct].filter((needed) => !implied.has(needed)))];
    }),
  );
}
