import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { Part } from "./part.ts";
import { freePort, untilOpen } from "./ports.ts";
import { findProgram } from "./programs.ts";

/**
 * A Redis of this demo's own, that writes each publication to its file.
 * @param onStarted Gets its process before it takes connections.
 * @throws SettingsError where there is none.
 */
export async function startRedis(folder: string, onStarted: (child: ChildProcess) => void): Promise<{ readonly part: Part; readonly url: string }> {
  const program = findProgram("redis-server");
  const port = await freePort();
  mkdirSync(folder);
  const settings = { bind: "127.0.0.1", port: String(port), dir: folder, appendonly: "yes", appendfsync: "always", save: "" };
  const part = Part.run(
    program,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
  );
  onStarted(part.child);
  await Promise.race([untilOpen(port), part.ended.then((how) => Promise.reject(new Error(how)))]);
  return { part, url: `redis://127.0.0.1:${port}` };
}
