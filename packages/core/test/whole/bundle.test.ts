import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WireClient } from "@upwire/testing";
import { build, transform } from "esbuild";
import { rollup, type Plugin } from "rollup";
import { describe, expect, it, onTestFinished } from "vitest";

type Format = "esm" | "cjs";

const packages = fileURLToPath(new URL("../../..", import.meta.url));
/** Core, and what it needs at run time: no other package is there. */
const INSTALLED = ["core", "protocol"];

const SERVER = `
import { createServer } from "node:http";
import { attach, websocket } from "@upwire/core";
const ws = websocket({ message: (connection, message) => void connection.send(message) }, { reader: process.env.READER, compression: true });
const server = createServer((req, res) => void ws(req, res));
attach(server);
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
`;

/** A folder where core is installed as npm would lay it out, and `ws` is not. */
async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "upwire-bundle-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of INSTALLED) {
    const target = join(folder, "node_modules/@upwire", name);
    await cp(join(packages, name, "src"), join(target, "src"), { recursive: true });
    await cp(join(packages, name, "package.json"), join(target, "package.json"));
  }
  await writeFile(join(folder, "server.mjs"), SERVER);
  return folder;
}

/** Rollup reads no TypeScript by itself, and looks into no `node_modules`. */
const sourcesIn = (folder: string): Plugin => ({
  name: "sources",
  resolveId: (id) => (id.startsWith("@upwire/") ? join(folder, "node_modules", id, "src/index.ts") : null),
  async transform(code, id) {
    return id.endsWith(".ts") ? (await transform(code, { loader: "ts", target: "node20" })).code : null;
  },
});

const bundlers: Readonly<Record<string, (entry: string, file: string, format: Format) => Promise<readonly string[]>>> = {
  async esbuild(entry, file, format) {
    const { warnings } = await build({ entryPoints: [entry], outfile: file, format, bundle: true, platform: "node", target: "node20", conditions: ["@upwire/source"], logLevel: "silent" });
    return warnings.map(({ text }) => text);
  },
  async rollup(entry, file, format) {
    const warnings: string[] = [];
    const bundle = await rollup({ input: entry, plugins: [sourcesIn(dirname(entry))], external: /^node:/, onwarn: ({ message }) => void warnings.push(message) });
    await bundle.write({ file, format, inlineDynamicImports: true });
    await bundle.close();
    return warnings;
  },
};

interface Run {
  readonly child: ChildProcess;
  /** `undefined` when it ended instead. */
  readonly port: number | undefined;
  readonly stderr: string;
}

async function run(file: string, reader: "own" | "ws"): Promise<Run> {
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "ignore", "pipe", "ipc"], env: { PATH: process.env["PATH"], READER: reader, NODE_NO_WARNINGS: "1" } });
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => void (stderr += chunk.toString()));
  onTestFinished(() => void child.kill());
  const [port] = await Promise.race([once(child, "message"), once(child, "close").then(() => [])]);
  return { child, port: port as number | undefined, stderr };
}

async function echoes(port: number): Promise<void> {
  const client = await WireClient.open({ port });
  expect((await client.answered).status).toBe(101);
  client.sendText("bundled");
  expect((await client.nextMessage()).text).toBe("bundled");
  client.socket.destroy();
}

describe.each(Object.keys(bundlers))("a server on core alone, bundled by %s", (name) => {
  it.each([
    ["esm", "mjs"],
    ["cjs", "cjs"],
  ] as const)("starts and serves as %s, without ws", async (format, extension) => {
    const folder = await emptyFolder();
    const file = join(folder, `bundle.${extension}`);
    const warnings = await bundlers[name]?.(join(folder, "server.mjs"), file, format);
    expect(warnings).toEqual([]);
    const code = await readFile(file, "utf8");
    expect(code).not.toContain("WS_NO_BUFFER_UTIL");
    const { port = 0, stderr } = await run(file, "own");
    expect(stderr).toBe("");
    await echoes(port);

    // Who asks for it is told what is missing.
    const asking = await run(file, "ws");
    expect([asking.port, asking.stderr]).toEqual([undefined, expect.stringContaining("Cannot find module 'ws'")]);
  });
});
