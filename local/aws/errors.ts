/** Runs a call; undefined when AWS answers with the error of that name: what was asked for is not there. */
export async function unless<T>(
  errorName: string | readonly string[],
  call: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error && [errorName].flat().includes(error.name)) return undefined;
    throw error;
  }
}

/** A member that an answer of the AWS API must have. */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the local region's AWS API answered without ${what}`);
  return value;
}
