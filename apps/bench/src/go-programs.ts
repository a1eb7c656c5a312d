import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SOURCES = fileURLToPath(new URL("../go", import.meta.url));
export const GORILLA_PROGRAM: string = fileURLToPath(new URL("../dist/gorilla-chat", import.meta.url));
export const CLIENTS_PROGRAM: string = fileURLToPath(new URL("../dist/go-clients", import.meta.url));
/** Where Debian's golang-*-dev packages are. */
const DEBIAN_GOPATH = "/usr/share/gocode";

/** @returns why the rows in Go cannot run, or `undefined` once their program is built. */
export function buildGorilla(): string | undefined {
  const isInstalled = existsSync(`${DEBIAN_GOPATH}/src/github.com/gorilla/websocket`);
  return isInstalled ? build("gorilla", GORILLA_PROGRAM) : "no gorilla/websocket (Debian: golang-go golang-github-gorilla-websocket-dev)";
}

/** @returns why there are no clients in Go, or `undefined` once they are built. They need nothing beside the toolchain. */
export function buildGoClients(): string | undefined {
  return build("clients", CLIENTS_PROGRAM);
}

function build(folder: string, program: string): string | undefined {
  if (spawnSync("go", ["version"]).status !== 0) return "no Go toolchain (Debian: golang-go)";
  const env = { ...process.env, GO111MODULE: "off", GOPATH: DEBIAN_GOPATH };
  const { status, stderr } = spawnSync("go", ["build", "-o", program, "."], { cwd: `${SOURCES}/${folder}`, env, encoding: "utf8" });
  return status === 0 ? undefined : `go build failed: ${stderr.trim()}`;
}
