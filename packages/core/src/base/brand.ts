/**
 * Two copies of core may be in one process, as dependencies of two adapters. A class that uses these two, with a symbol
 * that `Symbol.for` made, makes `instanceof` true for instances of either copy.
 */
export function brand(target: { readonly prototype: object }, mark: symbol): void {
  Object.defineProperty(target.prototype, mark, { value: true });
}

export function hasBrand(value: unknown, mark: symbol): boolean {
  return typeof value === "object" && value !== null && mark in value;
}
