import { RealtimeError } from "@upwire/protocol";

/**
 * Whether what the application or the broker failed with is an error of ours that can be told. Takes anything, and never throws: a
 * proxy may throw at every look at it, and members may have been changed.
 */
export function isTellable(thrown: unknown): thrown is RealtimeError {
  try {
    return thrown instanceof RealtimeError && typeof thrown.code === "string" && typeof thrown.message === "string" && typeof thrown.retryable === "boolean";
  } catch {
    return false;
  }
}
