/** Clients that do not answer a close frame are not waited for any longer. */
const DEADLINE_MS = 1_200;
/** npm passes on the Ctrl-C that the terminal sent to everyone: that is not a second one. */
const ECHO_MS = 200;
const SUPERVISOR_POLL_MS = 250;

/** Runs `stop` at the first SIGINT or SIGTERM and exits when it is done or takes too long; a second signal exits at once. */
export function onStopSignal(stop) {
  let stoppedAt;
  const onSignal = () => {
    if (stoppedAt === undefined) {
      stoppedAt = performance.now();
      void stopAndExit(stop);
    } else if (performance.now() - stoppedAt > ECHO_MS) {
      process.exit(130);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  if (process.env.npm_lifecycle_event === "start") onOrphaned(onSignal);
}

async function stopAndExit(stop) {
  setTimeout(() => process.exit(0), DEADLINE_MS);
  try {
    await stop();
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
  process.exit(0);
}

/** npm passes SIGTERM on to its shell, which dies of it without telling us. */
function onOrphaned(run) {
  const parent = process.ppid;
  const poll = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(poll);
    run();
  }, SUPERVISOR_POLL_MS).unref();
}
