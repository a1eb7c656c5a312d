/** npm passes on the Ctrl-C that the terminal sent to all processes: that is not a second one. Milliseconds. */
const ECHO_MS = 200;
const SUPERVISOR_POLL_MS = 250;

/** Runs `stop` at the first SIGINT or SIGTERM, and exits when it is done; a second one exits at once. */
export function onStop(stop: () => unknown): void {
  let stoppedAt: number | undefined;
  const onSignal = (): void => {
    if (stoppedAt !== undefined) {
      if (performance.now() - stoppedAt > ECHO_MS) process.exit(130);
      return;
    }
    stoppedAt = performance.now();
    void endWith(0, stop);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  if (process.env["npm_lifecycle_event"] !== undefined) onOrphaned(onSignal);
}

/** Runs `stop`, and ends this process when it is done. */
export async function endWith(code: number, stop: () => unknown): Promise<void> {
  try {
    await stop();
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
  process.exit(code);
}

/** npm passes SIGTERM on to its shell, which dies of it without telling us. */
function onOrphaned(run: () => void): void {
  const parent = process.ppid;
  const poll = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(poll);
    run();
  }, SUPERVISOR_POLL_MS).unref();
}
