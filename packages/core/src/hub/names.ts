/** A set of names. One of them is no `Set`: most connections are in one room only, and a `Set` for each would cost more than all of the rest. */
export type Names = string | ReadonlySet<string> | undefined;

export function countOf(names: Names): number {
  return names instanceof Set ? names.size : names === undefined ? 0 : 1;
}

export function listOf(names: Names): string[] {
  return names instanceof Set ? [...names] : names === undefined ? [] : [names as string];
}

export function withName(names: Names, name: string): Names {
  if (names === undefined || names === name) return name;
  return names instanceof Set ? names.add(name) : new Set([names as string, name]);
}

export function withoutName(names: Names, name: string): Names {
  if (names === name) return undefined;
  if (names instanceof Set && names.delete(name) && names.size === 0) return undefined;
  return names;
}
