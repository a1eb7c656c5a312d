import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Client } from "./client.ts";
import { freePorts } from "./ports.ts";
import { Program } from "./program.ts";

// The first run may have to build everything.
const BUILD_MS = 120_000;

let program: Program | undefined;

function start(args: readonly string[], env: NodeJS.ProcessEnv): Program {
  program = new Program(process.execPath, ["apps/tools/start.mjs", ...args], env);
  return program;
}

async function portOf(started: Program): Promise<number> {
  return Number((await started.wrote(/^listening on https?:\/\/127\.0\.0\.1:(\d+)$/m))[1]);
}

/** The status that a page of `host` gets. */
async function handshake(port: number, host: string, path = "/ws"): Promise<number | undefined> {
  const headers = {
    host,
    origin: `http://${host}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const asking = request({ host: "127.0.0.1", port, path, headers }).end();
  return new Promise((answered, failed) => {
    asking.on("error", failed);
    asking.on("response", (answer) => answered(answer.resume().statusCode));
    asking.on("upgrade", (answer, socket) => {
      socket.destroy();
      answered(answer.statusCode);
    });
  });
}

afterEach(async () => {
  program?.signalGroup("SIGKILL");
  await program?.exited;
});

describe("npm start", { timeout: BUILD_MS }, () => {
  it("serves four frameworks with one hub, and an index page", async () => {
    const first = await freePorts(5);
    const all = start([], { PORT: String(first) });
    const ports = [0, 1, 2, 3, 4].map((n) => first + n);
    for (const port of ports) await all.wrote(new RegExp(`^listening on http://127\\.0\\.0\\.1:${port}$`, "m"));

    for (const [i, name] of ["index", "express", "fastify", "hono", "koa"].entries()) {
      expect(all.output).toMatch(new RegExp(`^ +${name} +http://127\\.0\\.0\\.1:${first + i}\\b`, "m"));
    }
    expect(all.output).toMatch(/^ +upgrade +origin +same-origin$/m);
    expect(all.output).toMatch(/^ +connection +maxMessageBytes +1048576$/m);

    for (const port of ports.slice(1)) {
      expect(await handshake(port, `localhost:${port}`)).toBe(101);
      // DNS rebinding: the page's own name leads here, so that its origin and the host agree.
      expect(await handshake(port, `rebind.evil.example:${port}`)).toBe(403);
    }
    const metrics = await (await fetch(`http://127.0.0.1:${first}/metrics`)).text();
    for (const name of ["express", "fastify", "hono", "koa"]) {
      expect(metrics).toContain(`upwire_attachment_opened_connections_total{attachment="${name}"} 1\n`);
      expect(metrics).toContain(`upwire_attachment_refused_handshakes_total{attachment="${name}",code="ERR_HOST_NOT_ALLOWED"} 1\n`);
    }
    expect(metrics).toContain('upwire_realtime_connections{realtime="chat"} ');
    const ready = await fetch(`http://127.0.0.1:${first}/ready`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [] }]);
    expect(await handshake(first, "rebind.evil.example", "/metrics")).toBe(404);

    const index = await (await fetch(`http://127.0.0.1:${first}/`)).text();
    for (const port of ports.slice(1)) expect(index).toContain(`href="http://127.0.0.1:${port}/"`);
    expect(index).toContain("<dt>origin</dt><dd>same-origin</dd>");
    expect((await fetch(`http://127.0.0.1:${first}/nothing`)).status).toBe(404);
    // The visitor's own name for this machine goes on into the links.
    expect(await (await fetch(`http://localhost:${first}/`)).text()).toContain(`href="http://localhost:${first + 1}/"`);

    const clients = await Promise.all(ports.slice(1).map((port) => Client.connect(`ws://127.0.0.1:${port}/ws`)));
    for (const [i, sender] of clients.entries()) {
      sender.send(`from number ${i}`);
      for (const client of clients) expect(await client.receive(`from number ${i}`)).toMatch(/^127\.0\.0\.1:\d+ echo: from number \d$/);
    }
    expect(await clients[0]?.receive("Server broadcast")).toMatch(/^Server broadcast: Current time is \d\d:\d\d:\d\d$/);
  });

  it("takes free ports for PORT=0", async () => {
    const all = start([], { PORT: "0" });
    await all.wrote(/(listening on http:\/\/127\.0\.0\.1:[1-9]\d*\n){5}/);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("closes its clients with 1001 on %s and ends within 2 s", async (signal) => {
    const one = start(["node"], { PORT: "0" });
    const port = await portOf(one);
    const client = await Client.connect(`ws://127.0.0.1:${port}/ws`);
    const echo = await Client.connect(`ws://127.0.0.1:${port}/ws/echo`);
    const signalledAt = performance.now();
    one.signalGroup(signal);
    expect(await client.closed).toMatchObject({ code: 1001 });
    expect(await echo.closed).toMatchObject({ code: 1001 });
    expect(await one.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - signalledAt).toBeLessThan(2_000);
  });

  it("goes on after SIGTERM where it was, once, and without what it cannot read", async () => {
    const folder = await mkdtemp(join(tmpdir(), "upwire-state-"));
    const env = { PORT: String(await freePorts(1)), UPWIRE_STATE: join(folder, "state") };
    const subscribe = async (since?: unknown): Promise<{ epoch: string; offset: number; resumed: boolean }> => {
      const client = await Client.connect(`ws://127.0.0.1:${env.PORT}/ws`, { protocol: "upwire.v1" });
      client.send(JSON.stringify({ type: "upwire.subscribe", id: 1, topic: "lobby", since }));
      const { payload } = JSON.parse(await client.receive('"re":1')) as { payload: Awaited<ReturnType<typeof subscribe>> };
      return payload;
    };
    try {
      const first = start(["node"], env);
      await portOf(first);
      const { epoch, offset } = await subscribe();
      const plain = await Client.connect(`ws://127.0.0.1:${env.PORT}/ws`);
      plain.send("missed");
      await plain.receive("missed");
      first.signalGroup("SIGTERM");
      await first.exited;

      const second = start(["node"], env);
      await portOf(second);
      expect(await subscribe({ epoch, offset })).toMatchObject({ epoch, offset: 1, resumed: true });
      second.signalGroup("SIGKILL");
      await second.exited;

      await writeFile(env.UPWIRE_STATE, "junk");
      const third = start(["node"], env);
      await portOf(third);
      expect(third.output).toContain("What was kept of the last run cannot be read: ");
      expect(await subscribe({ epoch, offset })).toMatchObject({ offset: 0, resumed: false });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("is one chat in several processes with --workers; one that is killed is replaced", async () => {
    const two = start(["express", "--workers", "2"], { PORT: "0" });
    const url = `ws://127.0.0.1:${await portOf(two)}/ws`;
    const workerOf = async (client: Client): Promise<number> => {
      client.send('{"type":"hello"}');
      return (JSON.parse(await client.receive('"welcome"')) as { payload: { worker: number } }).payload.worker;
    };
    // The processes take turns.
    const clients = [await Client.connect(url), await Client.connect(url)] as const;
    const workers = await Promise.all(clients.map(workerOf));
    expect(new Set(workers)).toEqual(new Set([1, 2]));
    clients[0].send("to both");
    for (const client of clients) await client.receive("echo: to both");

    const [, pid] = await two.wrote(new RegExp(`^worker ${workers[0]} +pid (\\d+)$`, "m"));
    process.kill(Number(pid), "SIGKILL");
    // A page takes everyone off its list that was there.
    expect(JSON.parse(await clients[1].receive('"gone"'))).toEqual({ type: "gone", payload: { worker: workers[0] } });
    await two.wrote(new RegExp(`^worker ${workers[0]} ended with SIGKILL; another one takes its place$`, "m"));

    two.signalGroup("SIGINT");
    expect(await clients[1].closed).toMatchObject({ code: 1001 });
    expect(await two.exited).toEqual({ code: 0, signal: null });
  });

  it("leaves no worker and no folder when it is killed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "upwire-workers-e2e-"));
    try {
      const two = start(["express", "--workers", "2"], { PORT: "0", TMPDIR: folder });
      await portOf(two);
      const pids = [...two.output.matchAll(/^worker \d +pid (\d+)$/gm)].map(([, pid]) => Number(pid));
      expect(pids).toHaveLength(2);
      two.child.kill("SIGKILL");
      // Its output ends when the last process that holds it has ended.
      await two.exited;
      await vi.waitFor(() => pids.forEach((pid) => expect(() => process.kill(pid, 0)).toThrow("ESRCH")), { timeout: 10_000 });
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("does not wait for a client that never answers the close frame", async () => {
    const one = start(["express"], { PORT: "0" });
    const port = await portOf(one);
    const client = await Client.connect(`ws://127.0.0.1:${port}/ws`);
    client.pause();
    const signalledAt = performance.now();
    one.signalGroup("SIGINT");
    await one.exited;
    expect(performance.now() - signalledAt).toBeLessThan(2_000);
  });

  it("ends at once on a second signal", async () => {
    const one = start(["fastify"], { PORT: "0" });
    const client = await Client.connect(`ws://127.0.0.1:${await portOf(one)}/ws`);
    client.pause();
    one.signalGroup("SIGINT");
    // Not the same Ctrl-C once more, which npm passes on.
    const pressing = setInterval(() => one.signalGroup("SIGINT"), 300);
    expect(await one.exited.finally(() => clearInterval(pressing))).toEqual({ code: 130, signal: null });
  });

  it("serves https and wss with --tls", async () => {
    const one = start(["hono-node-ws", "--tls"], { PORT: "0" });
    const [, url] = await one.wrote(/^listening on (https:\/\/127\.0\.0\.1:\d+)$/m);
    const client = await Client.connect(`${url?.replace("https", "wss")}/ws`, { rejectUnauthorized: false });
    client.send("over tls");
    expect(await client.receive("over tls")).toMatch(/ echo: over tls$/);
  });

  it("leaves nothing behind when npm gets SIGTERM or a Ctrl-C", async () => {
    for (const end of [(npm: Program) => npm.child.kill("SIGTERM"), (npm: Program) => npm.signalGroup("SIGINT")]) {
      program = new Program("npm", ["start", "--", "hono"], { PORT: "0" });
      const port = await portOf(program);
      const client = await Client.connect(`ws://127.0.0.1:${port}/ws`);
      end(program);
      expect(await client.closed).toMatchObject({ code: 1001 });
      // Its output ends when the last process that holds it has ended.
      await program.exited;
      await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow("fetch failed");
    }
  });

  it("says in one line that a port is taken and what to do", async () => {
    // Its neighbours are free: without a name, the frameworks take those first.
    const port = await freePorts(5);
    const blocker = createServer().listen(port, "127.0.0.1");
    await once(blocker, "listening");
    try {
      for (const args of [["koa"], []]) {
        const one = start(args, { PORT: String(port) });
        expect(await one.exited).toEqual({ code: 1, signal: null });
        expect(one.output).toBe(`Port ${port} is in use. Choose another: PORT=9000 npm start\n`);
      }
    } finally {
      blocker.close();
    }
  });

  it.each([
    [["nonsense"], {}, 'There is no demo "nonsense". Choose from: express, fastify, hono, koa, node, fastify-websocket, hono-node-ws'],
    [["koa", "hono"], {}, "One demo at a time, or none for all."],
    [["--nonsense"], {}, "Unknown option --nonsense."],
    [["--workers", "0"], {}, '--workers must be a whole number from 1 to 64, not "0".'],
    [["koa", "--workers"], {}, "--workers must be a whole number from 1 to 64, not left out."],
    [["koa"], { PORT: "eighty" }, 'PORT must be a whole number from 0 to 65535, not "eighty"'],
    [["koa"], { PORT: "65536" }, 'PORT must be a whole number from 0 to 65535, not "65536"'],
    [["koa"], { PORT: "-1" }, 'PORT must be a whole number from 0 to 65535, not "-1"'],
    [[], { PORT: "65532" }, 'PORT must be a whole number from 0 to 65531, not "65532"'],
    [["koa"], { HOST: "203.0.113.7" }, "HOST 203.0.113.7 is no address of this machine."],
  ])("refuses %j with %j in one line", async (args, env, message) => {
    const one = start(args, env);
    expect(await one.exited).toEqual({ code: 1, signal: null });
    expect(one.output).toContain(message);
    expect(one.output.trim().split("\n")).toHaveLength(1);
  });
});
