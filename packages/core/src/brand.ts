/**
 * Two copies of core may be in one process, as dependencies of two adapters. A class that uses these two makes
 * `instanceof` true for instances of either copy.
 */
export function brand(target: { readonly prototype: object }, name: string): void {
  Object.defineProperty(target.prototype, Symbol.for(name), { value: true });
}

export function hasBrand(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && Symbol.for(name) in value;
}
