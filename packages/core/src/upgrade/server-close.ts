import type { AttachableServer } from "./server.ts";

type Close = AttachableServer["close"];
type Callback = (error?: Error) => void;

/**
 * Node has no event for the beginning of `server.close()`, and waits for an upgraded socket for ever: `begin` is called first,
 * and the callback waits for what it returns. The event `close` comes earlier, as Node emits it.
 * @returns what undoes it.
 */
export function onServerClose(server: AttachableServer, begin: () => Promise<void>): () => void {
  const before = Object.getOwnPropertyDescriptor(server, "close");
  const close: Close = server.close.bind(server);
  let isDetached = false;
  const ours = (callback?: Callback): typeof server => {
    const ended = isDetached ? undefined : begin();
    if (callback === undefined || ended === undefined) close(callback);
    else close((error?: Error) => void afterwards(ended, () => callback(error)));
    return server;
  };
  (server as { close: unknown }).close = ours;
  return () => {
    // A library may have wrapped our function meanwhile, and goes on calling it: from now on it only calls the one before.
    isDetached = true;
    if ((server.close as unknown) !== ours) return;
    if (before === undefined) delete (server as { close?: unknown }).close;
    else Object.defineProperty(server, "close", before);
  };
}

async function afterwards(ended: Promise<void>, run: () => void): Promise<void> {
  await ended;
  // What the callback throws is an uncaught exception as it is in Node, and no rejection.
  process.nextTick(run);
}
