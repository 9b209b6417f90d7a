// How everything here is timed: in time of the processor, which does not pass while others have it; in turns, a short
// slice each, so that what else slows a busy machine slows all alike. Figures are medians over the turns, with quartiles.

/** Median, quartiles and the least of some values, none of them interpolated. */
export function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  return { least: at(0), lower: at(0.25), median: at(0.5), upper: at(0.75) };
}

/** Nanoseconds a call, over `count` calls. */
function timePerCall(call, count) {
  const start = process.cpuUsage();
  for (let i = 0; i < count; i++) call();
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1000) / count;
}

/** How many calls take `milliseconds` or more: the fastest of three tries counts, as the first compiles the code. */
function callsFor(call, milliseconds) {
  let count = 1;
  while (Math.min(...[0, 0, 0].map(() => timePerCall(call, count))) * count < milliseconds * 1e6) count *= 2;
  return count;
}

/**
 * For each of `[{ call }]` its nanoseconds a call in each of the rounds, in which all of them have a turn. The first call of
 * a turn is not counted: it finds the caches as the others left them, which no training does.
 */
export function takeTurns(samples, { rounds, milliseconds }) {
  const counts = samples.map(({ call }) => callsFor(call, milliseconds));
  const times = samples.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { call }] of samples.entries()) {
      call();
      times[i].push(timePerCall(call, counts[i]));
    }
  }
  return times;
}
