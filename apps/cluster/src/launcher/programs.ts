import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SettingsError } from "./settings.ts";

/** The programs that are not Node, each with its package in Debian. */
const packages = { nginx: "nginx-light", haproxy: "haproxy", "redis-server": "redis-server" } as const;

/** @throws SettingsError that names the package, when there is no such program. */
export function findProgram(program: keyof typeof packages, { PATH = "" }: NodeJS.ProcessEnv = process.env): string {
  // Debian has the proxies in a folder that is not on the path of every user.
  const found = [...PATH.split(delimiter), "/usr/sbin"].map((folder) => join(folder, program)).find((path) => existsSync(path));
  if (found === undefined) throw new SettingsError(`There is no ${program} on this machine: apt-get install ${packages[program]}`);
  return found;
}
