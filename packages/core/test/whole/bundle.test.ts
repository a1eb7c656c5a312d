import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WireClient } from "@upwire/testing";
import { build, transform } from "esbuild";
import { rollup, type Plugin, type RollupCache } from "rollup";
import { describe, expect, it, onTestFinished } from "vitest";

type Format = "esm" | "cjs";

const packages = fileURLToPath(new URL("../../..", import.meta.url));
/** Core, and what it needs at run time: no other package is there. */
const INSTALLED = ["core", "protocol"];

const server = (options: string): string => `
import { createServer } from "node:http";
import { attach, websocket } from "@upwire/core";
const ws = websocket({ message: (connection, message) => void connection.send(message) }, { ${options} });
const server = createServer((req, res) => void ws(req, res));
attach(server);
server.listen(0, "127.0.0.1", () => process.send(server.address().port));
`;

const SERVERS: Readonly<Record<string, string>> = {
  "own.mjs": server("compression: true"),
  "ws.mjs": `import { wsReaders } from "@upwire/core/adapter";${server("compression: true, readers: wsReaders()")}`,
};

/** A folder where core is installed as npm would lay it out, and `ws` is not. */
async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "upwire-bundle-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of INSTALLED) {
    const target = join(folder, "node_modules/@upwire", name);
    await cp(join(packages, name, "src"), join(target, "src"), { recursive: true });
    await cp(join(packages, name, "package.json"), join(target, "package.json"));
  }
  for (const [name, text] of Object.entries(SERVERS)) await writeFile(join(folder, name), text);
  return folder;
}

// Every bundle has nearly the same modules: each is transformed and parsed once.
const transformed = new Map<string, ReturnType<typeof transform>>();
let parsed: RollupCache | undefined;

/** Rollup reads no TypeScript by itself, and looks into no `node_modules`. */
const sourcesIn = (folder: string): Plugin => ({
  name: "sources",
  resolveId(id) {
    const [scope, name = "", entry = "index"] = id.split("/");
    return scope === "@upwire" ? join(folder, "node_modules/@upwire", name, `src/${entry}.ts`) : null;
  },
  async transform(code, id) {
    if (!id.endsWith(".ts")) return null;
    const known = transformed.get(code) ?? transform(code, { loader: "ts", target: "node20" });
    transformed.set(code, known);
    return (await known).code;
  },
});

const bundlers: Readonly<Record<string, (entry: string, file: string, format: Format) => Promise<readonly string[]>>> = {
  async esbuild(entry, file, format) {
    const { warnings } = await build({
      entryPoints: [entry],
      outfile: file,
      format,
      bundle: true,
      platform: "node",
      target: "node20",
      conditions: ["@upwire/source"],
      logLevel: "silent",
    });
    return warnings.map(({ text }) => text);
  },
  async rollup(entry, file, format) {
    const warnings: string[] = [];
    const plugins = [sourcesIn(dirname(entry))];
    const bundle = await rollup({
      input: entry,
      plugins,
      external: /^node:/,
      onwarn: ({ message }) => void warnings.push(message),
      ...(parsed && { cache: parsed }),
    });
    parsed = bundle.cache;
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

async function run(file: string): Promise<Run> {
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "ignore", "pipe", "ipc"], env: { PATH: process.env["PATH"], NODE_NO_WARNINGS: "1" } });
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
  ] as const)("starts and serves as %s, without ws", { timeout: 30_000 }, async (format, extension) => {
    const folder = await emptyFolder();
    const file = join(folder, `bundle.${extension}`);
    const warnings = await bundlers[name]?.(join(folder, "own.mjs"), file, format);
    expect(warnings).toEqual([]);
    const code = await readFile(file, "utf8");
    expect(code).not.toContain("WS_NO_BUFFER_UTIL");
    // Nothing of what knows `ws` is there: neither the way to load it, nor what stands in for a plugin's socket.
    for (const text of ["createRequire", "PluginSocket", "WsTransport"]) expect(code).not.toContain(text);
    const { port = 0, stderr } = await run(file);
    expect(stderr).toBe("");
    await echoes(port);

    // A server that asks for it is told what is missing.
    const asking = join(folder, `asking.${extension}`);
    expect(await bundlers[name]?.(join(folder, "ws.mjs"), asking, format)).toEqual([]);
    expect(await readFile(asking, "utf8")).not.toContain("WS_NO_BUFFER_UTIL");
    const asked = await run(asking);
    expect([asked.port, asked.stderr]).toEqual([undefined, expect.stringContaining("Cannot find module 'ws'")]);
  });
});
