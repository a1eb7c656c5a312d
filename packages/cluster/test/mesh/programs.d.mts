/** @returns where each program is, by its name. `remove` deletes them. */
export function bundlePrograms<Name extends string>(
  programs: Readonly<Record<Name, string>>,
): Promise<{ readonly pathOf: (name: Name) => string; readonly remove: () => void }>;
