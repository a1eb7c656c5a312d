export { Casts } from "./casts.ts";
export type { Asked, AskOptions, CastOptions, CastsOptions, CastStats, Reach } from "./types.ts";
