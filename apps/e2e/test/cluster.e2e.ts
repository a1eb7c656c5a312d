// The launcher of `npm run cluster`, and the short form of `npm run cluster:rolling`.
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { skipWithout } from "./missing-program.ts";
import { freePorts } from "./ports.ts";
import { Program } from "./program.ts";

const programs: Program[] = [];

afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.signalGroup("SIGKILL");
    await program.exited;
  }
});

function launch(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  const program = new Program(process.execPath, ["apps/cluster/dist/launch.js", ...args], env);
  programs.push(program);
  return program;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("npm run cluster", { timeout: 60_000 }, () => {
  it("ends all processes, and leaves no file, when a part ends that it cannot do without", async (test) => {
    const folder = mkdtempSync(join(tmpdir(), "upwire-e2e-"));
    try {
      const demo = launch(["--broker", "redis"], { TMPDIR: folder });
      await Promise.race([demo.wrote(/^listening on/m), skipWithout(demo, test)]);
      const pids = [...demo.output.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
      expect(pids.filter(isRunning)).toHaveLength(4);
      const [, redis] = /redis-server +pid (\d+)/.exec(demo.output) ?? [];
      process.kill(Number(redis), "SIGKILL");
      expect(await demo.exited).toEqual({ code: 1, signal: null });
      expect(demo.output).toContain("redis-server ended with SIGKILL");
      expect(pids.filter(isRunning)).toEqual([]);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.for(["nginx", "haproxy"])("leaves no process and no file when the launcher is killed: %s", async (proxy, test) => {
    const folder = mkdtempSync(join(tmpdir(), "upwire-e2e-"));
    try {
      const demo = launch(["--broker", "redis", "--proxy", proxy], { TMPDIR: folder });
      await Promise.race([demo.wrote(/^listening on/m), skipWithout(demo, test)]);
      const pids = [...demo.output.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
      expect(pids.filter(isRunning)).toHaveLength(5);
      // Not its group: what it started must end by itself.
      demo.child.kill("SIGKILL");
      await vi.waitFor(() => expect([pids.filter(isRunning), readdirSync(folder)]).toEqual([[], []]), { timeout: 10_000 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("says in one line that a port is taken", async () => {
    const port = await freePorts(1);
    const blocker = createServer().listen(port, "127.0.0.1");
    await once(blocker, "listening");
    try {
      const taken = launch([], { PORT: String(port) });
      expect(await taken.exited).toEqual({ code: 1, signal: null });
      expect(taken.output).toBe(`Port ${port} is in use. Choose another, or leave PORT out for a free one.\n`);
    } finally {
      blocker.close();
    }
  });

  it("says in one line which program is missing, and its package", async () => {
    const missing = launch(["--broker", "redis"], { PATH: "/nowhere" });
    expect(await missing.exited).toEqual({ code: 1, signal: null });
    expect(missing.output).toBe("There is no redis-server on this machine: apt-get install redis-server\n");
  });
});

describe("a rolling restart of three servers, with 60 clients and publishing going on", { concurrent: true, timeout: 120_000 }, () => {
  it.for([
    ["nginx", "mesh"],
    ["haproxy", "redis"],
  ])("loses and doubles nothing behind %s, on %s, and each client is back within 5 s", async ([proxy = "", broker = ""], test) => {
    const rolling = new Program(process.execPath, ["apps/cluster/dist/rolling.js", "--proxy", proxy, "--broker", broker, "--clients", "60"]);
    // At the end of this test, and not of the one beside it.
    test.onTestFinished(async () => {
      rolling.signalGroup("SIGKILL");
      await rolling.exited;
    });
    await skipWithout(rolling, test);
    console.log(rolling.output.trim());
    test.expect(rolling.output).toContain(": 0 lost, 0 doubled, 0 gaps told, 0 clients without the last message\n");
    test.expect((await rolling.exited).code).toBe(0);
  });
});
