/** Markdown that pages are written with. */

const cell = (text: string) => text.replaceAll("|", "\\|");

/** A table, whose first row is its head. */
export function table(...rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => "---"), ...body]
    .map((cells) => `| ${cells.map(cell).join(" | ")} |`)
    .join("\n");
}
