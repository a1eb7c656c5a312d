// The example configurations, in a real nginx and a real HAProxy.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { nextMessage, open, serve, type Served } from "../helpers/served.ts";

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const nginxExample = readFileSync(pathOf("../../examples/nginx.conf"), "utf8");
const haproxyExample = readFileSync(pathOf("../../examples/haproxy.cfg"), "utf8");

/** Debian has both in a folder that is not on everybody's path. */
function find(program: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

interface Proxy {
  readonly program: string;
  readonly package: string;
  /** Writes the configuration into `folder` and returns the arguments. */
  configure(folder: string, port: number, upstream: number, change?: (config: string) => string): string[];
}

/** Fails when the example has no such line any more. */
function fill(config: string, values: Readonly<Record<string, string>>): string {
  for (const [placeholder, value] of Object.entries(values)) {
    expect(config).toContain(placeholder);
    config = config.replace(placeholder, value);
  }
  return config;
}

const nginx: Proxy = {
  program: "nginx",
  package: "nginx-light",
  configure(folder, port, upstream, change = (config) => config) {
    const example = fill(nginxExample, { "listen 80;": `listen 127.0.0.1:${port};`, "127.0.0.1:8080": `127.0.0.1:${upstream}` });
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
    const file = join(folder, "nginx.conf");
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log; events {}
http { access_log off; ${temporary}
${change(example)}
}`,
    );
    return ["-p", folder, "-c", file];
  },
};

const haproxy: Proxy = {
  program: "haproxy",
  package: "haproxy",
  configure(folder, port, upstream, change = (config) => config) {
    const example = fill(haproxyExample, { "bind :80": `bind 127.0.0.1:${port}`, "127.0.0.1:8080": `127.0.0.1:${upstream}` });
    const file = join(folder, "haproxy.cfg");
    writeFileSync(file, change(example));
    return ["-db", "-f", file];
  },
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const answer = await Promise.race([once(socket, "connect").then(() => true), once(socket, "error").then(() => false)]).catch(() => false);
  socket.destroy();
  return answer;
}

/** A running proxy in front of `upstream`; it ends with the test. @returns its port. */
async function start(proxy: Proxy, skip: (note: string) => never, upstream: number, change?: (config: string) => string): Promise<number> {
  const program = find(proxy.program) ?? skip(`no ${proxy.program}: apt-get install ${proxy.package}`);
  const folder = mkdtempSync(join(tmpdir(), "upwire-proxy-"));
  const port = await freePort();
  const child = spawn(program, proxy.configure(folder, port, upstream, change), { stdio: ["ignore", "ignore", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill();
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  for (let i = 0; i < 100; i++) {
    if (await listens(port)) return port;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  throw new Error(`${proxy.program} did not start: ${complaints}`);
}

async function echo(): Promise<Served> {
  return serve({ message: (connection, message) => void connection.send(message) }, { trustProxy: 1, maxConnectionsPerAddress: 10 });
}

function answerTo(port: number, origin: string): Promise<IncomingMessage> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, { origin });
  return new Promise((resolve, reject) => {
    client.once("unexpected-response", (_req, res) => resolve(res));
    client.once("open", () => reject(new Error("was let in")));
    client.once("error", reject);
  });
}

describe.each([
  { proxy: nginx, name: "nginx" },
  { proxy: haproxy, name: "haproxy" },
])("$name", ({ proxy }) => {
  it("passes a page of its own address, and what it says about the client is known", async ({ skip }) => {
    const served = await echo();
    const port = await start(proxy, skip, served.port);
    const client = await open(port, { origin: `http://127.0.0.1:${port}` });
    const { remoteAddress, request } = await served.nextConnection();
    // Without a port: it is what the proxy told, not the other end of our socket.
    expect(remoteAddress).toBe("127.0.0.1");
    expect(request).toMatchObject({ host: `127.0.0.1:${port}`, secure: false });
    const got = nextMessage(client);
    client.send("through");
    expect((await got).text).toBe("through");
  });

  it("refuses pages from elsewhere", async ({ skip }) => {
    const served = await echo();
    const port = await start(proxy, skip, served.port);
    const origins = ["http://evil.example", `http://127.0.0.1:${served.port}`, "http://127.0.0.1", `https://127.0.0.1:${port}`];
    for (const origin of origins) expect((await answerTo(port, origin)).statusCode).toBe(403);
  });

  it("lets nobody choose what is believed", async ({ skip }) => {
    const served = await echo();
    const port = await start(proxy, skip, served.port);
    await open(port, {
      origin: `http://127.0.0.1:${port}`,
      headers: {
        "X-Forwarded-For": "9.9.9.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        Forwarded: "for=9.9.9.9;proto=https;host=evil.example",
      },
    });
    const { remoteAddress, request } = await served.nextConnection();
    expect(remoteAddress).toBe("127.0.0.1");
    expect(request).toMatchObject({ host: `127.0.0.1:${port}`, secure: false });
  });

  it("passes the page also without trustProxy", async ({ skip }) => {
    const served = await serve(undefined);
    const port = await start(proxy, skip, served.port);
    await open(port, { origin: `http://127.0.0.1:${port}` });
    expect((await served.nextConnection()).remoteAddress).toMatch(/^127\.0\.0\.1:\d+$/);
    expect((await answerTo(port, "http://evil.example")).statusCode).toBe(403);
  });
});

describe("an nginx that was not told about WebSocket", () => {
  it("gets the client a 426 that names the settings", async ({ skip }) => {
    const served = await echo();
    const without = (config: string): string => config.replaceAll(/^.*(?:proxy_http_version|proxy_set_header (?:Upgrade|Connection)).*$/gm, "");
    const port = await start(nginx, skip, served.port, without);
    const answer = await answerTo(port, `http://127.0.0.1:${port}`);
    expect(answer.statusCode).toBe(426);
    const body = (await answer.toArray()).join("");
    for (const setting of ["proxy_http_version 1.1", "proxy_set_header Upgrade $http_upgrade", "proxy_set_header Connection"]) expect(body).toContain(setting);
  });
});

it("the guide shows the example configurations as they are tested", () => {
  const page = readFileSync(pathOf("../../../../apps/docs/guide/behind-a-proxy.md"), "utf8");
  expect(page).toContain(`\`\`\`nginx\n${nginxExample}\`\`\``);
  expect(page).toContain(`\`\`\`haproxy\n${haproxyExample}\`\`\``);
});
