/** Many things at a time, but not more than a process may have files open. */

/** At a time. */
const atOnce = 64;

/** What an operation makes of each, in their order. */
export async function eachOf<T, R>(all: readonly T[], operation: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  // All draw from this one iterator.
  const waiting = all.entries();
  const work = async () => {
    for (const [i, one] of waiting) results[i] = await operation(one);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, work));
  return results;
}
