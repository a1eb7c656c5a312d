import { readOptions, type Kind } from "@upwire/core/adapter";

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

const aTime: Kind = {
  right: `a whole number from 0 to ${MAX_KEEP_MS}`,
  fits: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_KEEP_MS,
};

/** @throws TypeError for options that cannot be meant. */
export function checkKeepMs(given: CloseOptions | undefined): number {
  return readOptions<CloseOptions>("close", given, { keepMs: aTime }).keepMs ?? KEEP_MS;
}
