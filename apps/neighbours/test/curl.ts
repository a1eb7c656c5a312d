import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** What one run of curl showed. */
export interface CurlRun {
  /** Heads and bodies as they came, without the `Date` lines, which differ from run to run. */
  readonly output: string;
  readonly code: number | null;
}

/** Runs the real `curl`, silent, with heads, at most 10 s. @param input What it reads from its stdin. */
export async function curl(args: readonly string[], input = ""): Promise<CurlRun> {
  const child = spawn("curl", ["--silent", "--show-error", "--include", "--insecure", "--max-time", "10", ...args], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { output: (out + errors).replaceAll(/^date: .*\r\n/gim, "").replaceAll("\r", ""), code };
}
