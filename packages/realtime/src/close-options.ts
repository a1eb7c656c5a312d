import { readOptions, wholeNumber } from "@upwire/core/adapter";

/** How connections on all nodes are closed. */
export interface CloseOptions {
  /**
   * A node that is cut off now, and back within this time, closes its connections then, also those that came meanwhile. From 0,
   * for not at all, to 3600000 milliseconds. @default 60000
   */
  readonly keepMs?: number;
}

const KEEP_MS = 60_000;
const MAX_KEEP_MS = 3_600_000;

/** @throws TypeError for options that cannot be meant. */
export function checkKeepMs(given: CloseOptions | undefined): number {
  return readOptions<CloseOptions>("close", given, { keepMs: wholeNumber(0, MAX_KEEP_MS) }).keepMs ?? KEEP_MS;
}
