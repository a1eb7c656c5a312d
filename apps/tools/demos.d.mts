export const demoNames: readonly string[];
export const frameworks: readonly string[];
