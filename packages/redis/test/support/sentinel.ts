import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../../../testing/src/redis/free-port.ts";

export interface Sentinel {
  readonly port: number;
  close(): Promise<void>;
}

/** A Sentinel that watches the master on `master` under the name `main`, and replaces it half a second after it is gone. */
export async function startSentinel(master: number): Promise<Sentinel> {
  const folder = mkdtempSync(join(tmpdir(), "upwire-sentinel-"));
  const port = await freePort();
  const file = join(folder, "sentinel.conf");
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor main 127.0.0.1 ${master} 1`,
    "sentinel down-after-milliseconds main 500",
    "sentinel failover-timeout main 3000",
  ];
  writeFileSync(file, lines.join("\n"));
  const child = spawn("redis-server", [file, "--sentinel"], { stdio: ["ignore", "pipe", "inherit"] });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`a Sentinel ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.includes("+monitor")) resolve();
    });
  });
  return {
    port,
    async close() {
      process.off("exit", kill);
      const gone = once(child, "exit");
      kill();
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}
