// A process of its own beside the launcher: its input ends with the launcher, however that ends, and then it ends what the launcher has started.
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , folder] = process.argv;
if (folder === undefined) throw new Error("give the folder that is to be removed");
const running = new Set<number>();

// A Ctrl-C is for the launcher, which ends everything in its order.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (line.startsWith("+")) running.add(pid);
  else running.delete(pid);
}
for (const pid of running) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
