/**
 * Calls `wake` when a try is worth more than a moment before: the network is back, the page is seen again, or the browser
 * restored it from its back/forward cache. Does nothing where these events do not exist, as in Node.
 */
export function onWake(wake: () => void, signal: AbortSignal): void {
  const { addEventListener, document } = globalThis as Partial<typeof globalThis>;
  // The one of the document reaches the window as well.
  for (const type of ["online", "pageshow", "visibilitychange"]) {
    addEventListener?.(type, () => document?.hidden || wake(), { signal });
  }
}
