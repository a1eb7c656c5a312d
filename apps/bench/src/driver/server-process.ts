import { readdirSync, readFileSync } from "node:fs";

export interface CpuTimes {
  readonly totalUs: number;
  readonly userUs: number;
}

/** What Linux knows about the server process, looked at from outside, so that asking costs it nothing. */
export class ServerProcess {
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /**
   * CPU of all of its threads so far. The kernel's share for loopback TCP is in it: the receiving half too, mostly. The
   * total is exact; how much of it was user time is known in ticks of 10 ms.
   */
  cpu(): CpuTimes {
    const tasks = `/proc/${this.#pid}/task`;
    let totalNs = 0;
    for (const task of readdirSync(tasks)) totalNs += Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ", 1)[0]);
    // Fields 14 and 15 of proc(5), counted behind the name, which may hold spaces.
    const fields = readFileSync(`/proc/${this.#pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    const user = Number(fields[11]);
    const system = Number(fields[12]);
    const totalUs = totalNs / 1000;
    return { totalUs, userUs: user + system === 0 ? 0 : (totalUs * user) / (user + system) };
  }

  rssBytes(): number {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.#pid}/status`, "utf8"))?.[1];
    return Number(kib) * 1024;
  }

  /** Asks it to collect its garbage. */
  collect(): void {
    process.kill(this.#pid, "SIGUSR2");
  }
}
