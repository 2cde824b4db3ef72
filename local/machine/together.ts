/** Does several things side by side. When one fails the others are stopped and waited for. */
export async function together<A, B>(
  signal: AbortSignal,
  first: (signal: AbortSignal) => Promise<A>,
  second: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  signal.throwIfAborted();
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const watch = async <T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await action(either);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const both = [watch(first), watch(second)] as const;
  await Promise.allSettled(both);
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
  return Promise.all(both);
}
