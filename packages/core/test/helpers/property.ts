/**
 * How often a property is tried, and from which seed: fast-check prints the seed and the path when it fails.
 * `UPWIRE_RUNS=100` tries each a hundred times as often, `UPWIRE_SEED=5` tries others.
 */
export function runs(count: number): { readonly numRuns: number; readonly seed: number } {
  return { numRuns: Math.ceil(count * Number(process.env["UPWIRE_RUNS"] ?? 1)), seed: Number(process.env["UPWIRE_SEED"] ?? 20_261_121) };
}
