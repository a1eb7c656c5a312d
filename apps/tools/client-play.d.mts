/** What `play` tells where everything holds. */
export const EXPECTED: readonly string[];
