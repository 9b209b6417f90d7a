/** "Did you mean": the known word that a mistyped one was probably meant to be. */

/** Levenshtein's edit distance: how many letters must be added, dropped or changed to turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}

/** The candidate nearest to `word`, capitals aside, or undefined where none shares at least half its letters, or it is no text. */
export function nearest(word: unknown, candidates: Iterable<string>): string | undefined {
  if (typeof word !== "string") return undefined;
  let best: string | undefined;
  let smallest = Math.floor(word.length / 2) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < smallest) [best, smallest] = [candidate, distance];
  }
  return best;
}

/** The end of a message about an unknown word: `did you mean "bias"?`, or everything that is known. */
export function suggestion(word: unknown, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  return near === undefined ? `expected one of ${candidates.join(", ")}` : `did you mean "${near}"?`;
}
