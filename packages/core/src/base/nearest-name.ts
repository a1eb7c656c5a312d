/** How many letters have to be added, dropped, replaced or swapped with the next one to get from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last: number[] = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** More than this is another word. */
function mostEdits(name: string): number {
  return name.length < 6 ? 1 : Math.min(3, Math.floor(name.length / 3));
}

/**
 * The names that `given` was probably meant as: those at the least edit distance, letters of either case being alike, or
 * what others call the same thing. Empty when none is near.
 * @param aliases What others call it, in lower case, and the name here. @param most How many edits make another word, if fewer than usual.
 */
export function nearestNames(given: string, names: readonly string[], aliases: Readonly<Record<string, string>> = {}, most: number = Infinity): string[] {
  const lowered = given.toLowerCase();
  if (Object.hasOwn(aliases, lowered)) return [aliases[lowered] ?? ""];
  let least = Math.min(most, mostEdits(lowered));
  let nearest: string[] = [];
  for (const name of names) {
    // The difference in length is the least that it can be.
    if (Math.abs(name.length - lowered.length) > least) continue;
    const distance = editDistance(lowered, name.toLowerCase());
    if (distance < least) nearest = [];
    if (distance <= least) nearest.push(name);
    least = Math.min(least, distance);
  }
  return nearest;
}
