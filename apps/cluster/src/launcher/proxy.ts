// The configurations of ../../proxy in a real nginx and a real HAProxy, in a temporary folder.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Part } from "./part.ts";
import { findProgram } from "./programs.ts";

const configOf = (name: string): string => readFileSync(new URL(`../../proxy/${name}`, import.meta.url), "utf8");

/** What the configurations leave open. */
export interface ProxyPorts {
  readonly listen: number;
  readonly servers: readonly number[];
}

/** @throws SettingsError where the program is missing. */
export function startProxy(kind: "nginx" | "haproxy", folder: string, ports: ProxyPorts): Part {
  return kind === "nginx" ? startNginx(folder, ports) : startHaproxy(folder, ports);
}

function variablesOf({ listen, servers }: ProxyPorts): Record<string, string> {
  const addresses = servers.map((port, index) => [`SERVER_${index + 1}`, `127.0.0.1:${port}`]);
  return { LISTEN: `127.0.0.1:${listen}`, ...(Object.fromEntries(addresses) as Record<string, string>) };
}

/** Inside the http block that an installed nginx has already. */
function startNginx(folder: string, ports: ProxyPorts): Part {
  const program = findProgram("nginx");
  const variables = variablesOf(ports);
  const shipped = configOf("nginx.conf").replaceAll(/\$\{(\w+)\}/g, (whole, name: string) => variables[name] ?? whole);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`);
  const file = join(folder, "nginx.conf");
  mkdirSync(folder);
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr error;
events { worker_connections 8192; }
http { access_log off; ${temporary.join(" ")}
${shipped}
}
`,
  );
  return Part.run(program, ["-p", folder, "-c", file, "-e", join(folder, "error.log")]);
}

function startHaproxy(folder: string, ports: ProxyPorts): Part {
  const program = findProgram("haproxy");
  const file = join(folder, "haproxy.cfg");
  mkdirSync(folder);
  writeFileSync(file, configOf("haproxy.cfg"));
  return Part.run(program, ["-db", "-f", file], variablesOf(ports));
}
