// There is no engine for containers here: what the files name has to be there, and to be understood by what reads it.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { readServerSettings } from "../src/server-settings.ts";

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly stop_grace_period?: string;
}

const folder = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, folder), "utf8");
const pathOf = (path: string, base: URL = folder): string => fileURLToPath(new URL(path, base));

const { services } = parse(read("compose.yaml"), { merge: true }) as { readonly services: Readonly<Record<string, Service>> };
const servers = Object.entries(services).filter(([, { build }]) => build !== undefined);
const { nginx = {} } = services;

describe("compose.yaml", () => {
  it("has a server of each framework, as the launcher", () => {
    const frameworks = readFileSync(pathOf("src/server.ts"), "utf8")
      .match(/^ {2}\w+(?=: \(\) => import)/gm)
      ?.map((name) => name.trim());
    expect(servers.map(([, { environment }]) => environment?.["FRAMEWORK"])).toEqual(frameworks);
    expect(new Set(servers.map(([, { environment }]) => environment?.["SERVER_NUMBER"])).size).toBe(servers.length);
  });

  it.each(servers)("gives %s settings that it understands, and a Redis", (_name, { environment = {} }) => {
    const { framework, ...settings } = readServerSettings(environment, ["express", "fastify", "hono"]);
    expect(framework).toBe(environment["FRAMEWORK"]);
    expect(settings).toMatchObject({ host: "0.0.0.0", port: 8080, trustProxy: 1, allowedHosts: ["localhost", "127.0.0.1"] });
    expect(new URL(settings.redisUrl ?? "").hostname).toBe("redis");
    // None is misspelt.
    expect(Object.keys(environment).toSorted()).toEqual(["ALLOWED_HOSTS", "FRAMEWORK", "HOST", "PORT", "REDIS_URL", "SERVER_NUMBER", "TRUST_PROXY"]);
  });

  it("depends on services that it has, and builds and mounts files that are there", () => {
    for (const { depends_on: needed = [] } of Object.values(services)) for (const name of needed) expect(Object.keys(services)).toContain(name);
    for (const [, { build }] of servers) expect(existsSync(pathOf(build!.dockerfile, new URL(`${build!.context}/`, folder)))).toBe(true);
    for (const volume of nginx.volumes ?? []) expect(existsSync(pathOf(volume.replace(/:.*/, "")))).toBe(true);
  });

  it("fills in all that nginx.conf leaves open, with addresses of its servers", () => {
    const open = [...new Set([...read("proxy/nginx.conf").matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name))];
    expect(Object.keys(nginx.environment ?? {}).toSorted()).toEqual(open.toSorted());
    const addresses = servers.map(([name, { environment }]) => `${name}:${environment?.["PORT"]}`);
    expect(Object.values(nginx.environment ?? {})).toEqual([nginx.environment?.["LISTEN"], ...addresses]);
    // The image fills in what stands in this folder under a name with this end.
    expect(nginx.volumes).toEqual(["./proxy/nginx.conf:/etc/nginx/templates/default.conf.template:ro"]);
    expect(nginx.ports).toEqual([`127.0.0.1:8080:${nginx.environment?.["LISTEN"]}`]);
  });

  it("lets a server drain before it is killed, and starts Redis as the launcher does", () => {
    for (const [, { stop_grace_period: grace }] of servers) expect(Number.parseInt(grace ?? "0")).toBeGreaterThanOrEqual(10);
    expect(services["redis"]?.command).toEqual(["redis-server", "--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
  });
});

describe("Dockerfile", () => {
  const dockerfile = read("Dockerfile");

  it("runs scripts that are there, and the program that the build makes of a source", () => {
    const scripts = [...dockerfile.matchAll(/node (apps\/\S+\.mjs)/g)].map(([, path = ""]) => path);
    expect(scripts).toEqual(["apps/tools/setup.mjs", "apps/tools/build.mjs"]);
    for (const path of scripts) expect(existsSync(pathOf(`../../${path}`))).toBe(true);
    const [, command = "[]"] = /^CMD (.*)$/m.exec(dockerfile) ?? [];
    const [program, path = ""] = JSON.parse(command) as string[];
    expect(program).toBe("node");
    expect(existsSync(pathOf(`../../${path.replace("/dist/", "/src/").replace(/\.js$/, ".ts")}`))).toBe(true);
  });

  it("knows each instruction", () => {
    const instructions = dockerfile.match(/^[A-Z]+(?= )/gm);
    expect(new Set(instructions)).toEqual(new Set(["FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "CMD"]));
    expect(dockerfile.split("\n").filter((line) => line !== "" && !/^(?:#|[A-Z]+ )/.test(line))).toEqual([]);
  });
});

it("both proxies get the same servers, and the launcher fills in what they leave open", () => {
  const variables = (name: string): string[] =>
    [...new Set([...read(`proxy/${name}`).matchAll(/\$\{(\w+)\}/g)].map(([, variable = ""]) => variable))].toSorted();
  expect(variables("nginx.conf")).toEqual(["LISTEN", "SERVER_1", "SERVER_2", "SERVER_3"]);
  expect(variables("haproxy.cfg")).toEqual(variables("nginx.conf"));
});

it("nginx never takes a server out for a failure, which it would not forget while WebSockets are open", () => {
  const upstreams = read("proxy/nginx.conf").match(/^ +server \$\{SERVER_\d\}.*$/gm) ?? [];
  expect(upstreams).toHaveLength(3);
  for (const upstream of upstreams) expect(upstream).toMatch(/ max_fails=0;$/);
});
