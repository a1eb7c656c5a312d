// One of the processes of `npm start -- --workers N`; see workers.mjs.
import { meshBroker } from "@upwire/cluster/mesh";
import { logEvents } from "@upwire/core";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { startAll, startOne } from "./launcher.mjs";

// The primary hears of a Ctrl-C too, and says when to close.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.on("disconnect", () => process.exit());
// The primary may have ended while the modules were loaded.
if (!process.connected) process.exit();

// A message that comes while the modules load is lost.
process.send("ready");
const [{ number, folder, name, ...options }] = await once(process, "message");
// A primary that is killed cannot remove it.
process.on("exit", () => process.connected || rmSync(dirname(folder), { recursive: true, force: true }));
try {
  const worker = { number, broker: meshBroker({ folder }) };
  const running = await (name === undefined ? startAll({ ...options, worker }) : startOne(name, { ...options, worker }));
  process.on("message", () => void running.close().then(() => process.exit()));
  logEvents();
  const facts = ({ name: demo, url }) => ({ name: demo, url });
  process.send({ started: { index: running.index && facts(running.index), demos: running.demos.map(facts) } });
} catch (error) {
  const { message, code, syscall, address, port } = error;
  process.send({ failure: { message, code, syscall, address, port } }, () => process.exit(1));
}
