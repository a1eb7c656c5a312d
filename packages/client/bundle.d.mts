import type { BuildOptions } from "esbuild";

/** How a page would bundle the client. */
export const pageSettings: BuildOptions & { readonly absWorkingDir: string };
