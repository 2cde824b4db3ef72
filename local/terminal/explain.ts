/** An error for people: what it says, and where the fault is if it is one of this program itself. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError) return (error.errors as unknown[]).map(explain).join("\n");
  const fault = [error, error.cause].find(
    (item) => item instanceof TypeError || item instanceof ReferenceError || item instanceof RangeError,
  );
  return fault instanceof Error ? `${error.message}\n${fault.stack}` : error.message;
}
