// npm start: builds what changed, then serves every demo, or the one that is named (see settings.mjs).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { readSettings } from "./settings.mjs";
import { onStopSignal } from "./signals.mjs";
import { keepState, stateFile, takeState } from "./state.mjs";

try {
  await start(readSettings(process.argv.slice(2), process.env));
} catch (error) {
  console.error(advice(error) ?? error);
  process.exit(1);
}

async function start({ name, host, port, withTls, workers }) {
  let stop = () => process.exit(130);
  onStopSignal(() => stop());

  const builder = spawn(process.execPath, [fileURLToPath(new URL("build.mjs", import.meta.url))], { stdio: "inherit" });
  stop = () => builder.kill() && process.exit(130);
  const [status] = await once(builder, "exit");
  if (status !== 0) process.exit(status ?? 1);

  // Only now, since these load what was just built.
  const { startAll, startOne } = await import("./launcher.mjs");
  const { report } = await import("./report.mjs");
  const { makeCertificate } = await import("./certificate.mjs");
  const { logEvents } = await import("@upwire/core");

  const options = { host, port, tls: withTls ? await makeCertificate(host) : undefined };
  if (workers > 1) {
    const { startWorkers } = await import("./workers.mjs");
    const all = await startWorkers({ ...options, name }, workers);
    stop = () => all.close();
    report(all);
    return;
  }
  const state = stateFile(process.env, { name, port });
  const launch = (restore) => (name === undefined ? startAll({ ...options, restore }) : startOne(name, { ...options, restore }));
  const running = await goOn(launch, await takeState(state));
  // A planned restart: pages find everything that they missed meanwhile.
  stop = () => running.saveAndClose((saved) => keepState(state, saved));
  // Who is refused, and why, is what a newcomer looks for first.
  logEvents();
  report(running);
}

/** With what is known from the last run, if it can be read: another version may have written it. */
async function goOn(launch, saved) {
  try {
    return await launch(saved);
  } catch (error) {
    if (saved === undefined || !(error instanceof TypeError)) throw error;
    console.warn(`What was kept of the last run cannot be read: ${error.message}`);
    return launch();
  }
}

/** One line that says what to do, for what a user can do something about. */
function advice({ code, syscall, address = process.env.HOST, port = process.env.PORT, message, name }) {
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} is in use. Choose another: PORT=9000 npm start`;
    case "EACCES":
      // Files may be forbidden too.
      if (syscall !== "listen") return undefined;
      return `Port ${port} may not be opened by this user. Choose another: PORT=9000 npm start`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `HOST ${address ?? ""} is no address of this machine. Leave it out, or: HOST=0.0.0.0 npm start`;
    default:
      return name === "SettingsError" ? message : undefined;
  }
}
