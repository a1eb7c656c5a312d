import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

/**
 * What a test sees or changes that its whole process shares: channels and the log, memory, open handles, globals, warnings,
 * the environment. Such a file has a process of its own.
 */
const WHOLE_PROCESS =
  /\b(?:logEvents|diagnostics_channel|metrics|itKeepsTheSentTarget|describeAdapter|noteUncaught|describeHttp2\w*|vi\.\w+|globalThis|memoryUsage|setFlagsFromString|_?getActive\w+|emitWarning|process\.(?:on|once|chdir|emit))\b|process\.env\S+ = /;

/**
 * The test files that may share a process, one after the other: neither they nor the helpers that they import look beyond themselves.
 * @param root Of the repository. @returns paths from there.
 */
export function filesThatShare(root: string): string[] {
  const tests = ["packages", "apps"].flatMap((kind) =>
    readdirSync(join(root, kind)).flatMap((name) => filesBelow(join(root, kind, name, "test")).filter((file) => file.endsWith(".test.ts"))),
  );
  return tests.filter((file) => !looksBeyond(file, new Set())).map((file) => relative(root, file).split(sep).join("/"));
}

function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
  } catch {
    // A package without tests.
    return [];
  }
}

function looksBeyond(file: string, seen: Set<string>): boolean {
  if (seen.has(file)) return false;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  if (WHOLE_PROCESS.test(text)) return true;
  const imports = [...text.matchAll(/from "(\.[^"]+\.ts)"/g)].map(([, path = ""]) => resolve(dirname(file), path));
  return imports.some((path) => path.includes(`${sep}test${sep}`) && existsSync(path) && looksBeyond(path, seen));
}
